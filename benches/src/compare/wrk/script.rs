//! The script that `wrk` runs (Lua). In: a workload. Out: what is asked, if it is not one request again and again, and the figures
//! printed at the end, as JSON.

use std::path::Path;

use crate::compare::workloads::{Asked, Demand, Kind, Workload};

/// `wrk` itself rounds to three digits and has no p99.9. A script that only has `done` costs nothing per request.
const DONE: &str = "\
done = function(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format(
    '{\"requests\":%.0f,\"duration_us\":%.0f,\"received_bytes\":%.0f,\"connections_failed\":%.0f,\"refused\":%.0f,' ..
    '\"mean_us\":%.3f,\"p50_us\":%.0f,\"p99_us\":%.0f,\"p999_us\":%.0f}\\n',
    summary.requests, summary.duration, summary.bytes,
    errors.connect + errors.read + errors.write + errors.timeout, errors.status,
    latency.mean, latency:percentile(50), latency:percentile(99), latency:percentile(99.9)))
end
";

/// `scratch` has the lists of paths.
pub(super) fn script(workload: &Workload, scratch: &Path, threads: usize) -> String {
    let requests = match (workload.asked, workload.kind) {
        (Asked::Many(set), _) => listed(&scratch.join(set.list()), threads),
        (_, Kind::Pipelined { depth }) => pipelined(depth),
        _ => String::new(),
    };
    let delay = match workload.demand {
        Demand::Thinking { mean_ms } => think(mean_ms),
        Demand::Closed | Demand::Offered { .. } => String::new(),
    };
    requests + &delay + DONE
}

fn pipelined(depth: usize) -> String {
    format!(
        "init = function(args)\n\
         \x20 local batch = {{}}\n\
         \x20 for i = 1, {depth} do batch[i] = wrk.format() end\n\
         \x20 requests = table.concat(batch)\n\
         end\n\
         request = function() return requests end\n"
    )
}

/// Evenly spread, so that the connections do not stay in step.
fn think(mean_ms: u32) -> String {
    format!("delay = function() return math.random(0, {}) end\n", 2 * mean_ms)
}

/// Requests for the paths of a list, all made beforehand. Each thread begins at a place of its own, always the same.
fn listed(list: &Path, threads: usize) -> String {
    format!(
        "local started = 0\n\
         setup = function(thread)\n\
         \x20 thread:set('number', started)\n\
         \x20 started = started + 1\n\
         end\n\
         local requests, count, at, made = {{}}, 0, 0, {{}}\n\
         init = function(args)\n\
         \x20 for path in io.lines([[{}]]) do\n\
         \x20   made[path] = made[path] or wrk.format(nil, path)\n\
         \x20   count = count + 1\n\
         \x20   requests[count] = made[path]\n\
         \x20 end\n\
         \x20 at = math.floor(number * count / {threads})\n\
         end\n\
         request = function()\n\
         \x20 at = at % count + 1\n\
         \x20 return requests[at]\n\
         end\n",
        list.display()
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::workloads;

    #[test]
    fn only_what_is_not_one_request_again_and_again_is_made_by_the_script() {
        let workload = |name: &str| workloads::select(&[name.to_owned()]).unwrap()[0];
        let script = |name| script(workload(name), Path::new("/scratch"), 3);
        assert!(!script("small").contains("request ="));
        let pipelined = script("pipelined");
        assert!(pipelined.contains("for i = 1, 16 do") && pipelined.contains("request ="));
        assert!(pipelined.ends_with(DONE));
        assert!(script("1m").contains("delay = function() return math.random(0, 128) end"));
        assert!(!script("small").contains("delay ="));
        let listed = script("zipf");
        assert!(
            listed.contains("io.lines([[/scratch/zipf.paths]])") && listed.contains("number * count / 3")
        );
    }
}
