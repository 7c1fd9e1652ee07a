//! The script that `wrk` runs (Lua). In: a workload. Out: what is asked, if it is not one request again and again, and the figures
//! printed at the end, as JSON.

use crate::compare::workloads::{Kind, Workload};

/// `wrk` itself rounds to three digits and has no p99.9. A script that only has `done` costs nothing per request.
const DONE: &str = "\
done = function(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format(
    '{\"requests\":%.0f,\"duration_us\":%.0f,\"received_bytes\":%.0f,\"connections_failed\":%.0f,\"refused\":%.0f,' ..
    '\"p50_us\":%.0f,\"p99_us\":%.0f,\"p999_us\":%.0f}\\n',
    summary.requests, summary.duration, summary.bytes,
    errors.connect + errors.read + errors.write + errors.timeout, errors.status,
    latency:percentile(50), latency:percentile(99), latency:percentile(99.9)))
end
";

pub(super) fn script(workload: &Workload) -> String {
    let requests = match workload.kind {
        Kind::Pipelined { depth } => pipelined(depth),
        Kind::KeepAlive | Kind::Close | Kind::Handler | Kind::Idle => String::new(),
    };
    requests + DONE
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::workloads;

    #[test]
    fn only_what_is_not_one_request_again_and_again_is_made_by_the_script() {
        let script = |name: &str| script(workloads::select(&[name.to_owned()]).unwrap()[0]);
        assert!(!script("small").contains("request ="));
        let pipelined = script("pipelined");
        assert!(pipelined.contains("for i = 1, 16 do") && pipelined.contains("request ="));
        assert!(pipelined.ends_with(DONE));
    }
}
