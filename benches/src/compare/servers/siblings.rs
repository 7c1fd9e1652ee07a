//! How a build of nginx is told to send compressed siblings. In: its executable, which says how it was configured. Out: directives that
//! this build knows.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

/// Where a build that was configured without a place has its modules.
const PREFIX: &str = "/usr/local/nginx";
const BROTLI: &str = "ngx_http_brotli_static_module.so";

/// What a configuration says of siblings.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Siblings {
    /// Before everything else.
    pub(super) load_module: String,
    /// In a server.
    pub(super) send: &'static str,
}

impl Siblings {
    pub(super) const NONE: Self = Self { load_module: String::new(), send: "" };

    /// What the build knows. One that cannot say how it was configured sends none.
    pub(super) fn of(executable: &Path) -> Self {
        let output = Command::new(executable).arg("-V").output();
        let text = output.map(|output| String::from_utf8_lossy(&output.stderr).into_owned());
        Self::of_arguments(&text.unwrap_or_default(), Path::is_file)
    }

    fn of_arguments(arguments: &str, is_file: impl Fn(&Path) -> bool) -> Self {
        let arguments: Vec<&str> = arguments.split_whitespace().collect();
        let value = |name: &str| arguments.iter().find_map(|argument| argument.strip_prefix(name));
        let modules = match value("--modules-path=") {
            Some(folder) => PathBuf::from(folder),
            None => Path::new(value("--prefix=").unwrap_or(PREFIX)).join("modules"),
        };
        let is_built_in =
            arguments.iter().any(|word| word.starts_with("--add-module=") && word.contains("brotli"));
        let is_beside = is_file(&modules.join(BROTLI));
        let load_module = match is_beside && !is_built_in {
            true => format!("load_module {};", modules.join(BROTLI).display()),
            false => String::new(),
        };
        let has_gzip = arguments.contains(&"--with-http_gzip_static_module");
        let send = match (has_gzip, is_built_in || is_beside) {
            (true, true) => "gzip_static on; brotli_static on;",
            (true, false) => "gzip_static on;",
            (false, true) => "brotli_static on;",
            (false, false) => "",
        };
        Self { load_module, send }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEBIAN: &str = "nginx version: nginx/1.22.1
configure arguments: --with-cc-opt='-g -O2' --prefix=/usr/share/nginx --modules-path=/usr/lib/nginx/modules --with-http_gzip_static_module";

    #[test]
    fn a_module_is_loaded_from_where_the_build_has_its_own() {
        let in_debian = |path: &Path| path.starts_with("/usr/lib/nginx/modules");
        let siblings = Siblings::of_arguments(DEBIAN, in_debian);
        let load = "load_module /usr/lib/nginx/modules/ngx_http_brotli_static_module.so;";
        assert_eq!(
            (siblings.load_module.as_str(), siblings.send),
            (load, "gzip_static on; brotli_static on;")
        );
        let own = Siblings::of_arguments("configure arguments: --with-http_gzip_static_module", in_debian);
        assert_eq!((own.load_module.as_str(), own.send), ("", "gzip_static on;"));
    }

    #[test]
    fn nothing_is_said_that_the_build_does_not_know() {
        assert_eq!(Siblings::of_arguments("", |_| false), Siblings::NONE);
        let built_in = Siblings::of_arguments("--prefix=/opt --add-module=../ngx_brotli", |_| true);
        assert_eq!((built_in.load_module.as_str(), built_in.send), ("", "brotli_static on;"));
        assert_eq!(Siblings::of(Path::new("/no/such/nginx")), Siblings::NONE);
    }
}
