//! Heads of requests as three clients send them.

/// wrk's: the least there is.
pub(crate) const WRK: &[u8] = b"GET / HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\n";

/// curl's, for a file in a folder.
pub(crate) const CURL: &[u8] =
    b"GET /docs/guides/static.html HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nUser-Agent: curl/8.14.1\r\nAccept: */*\r\n\r\n";

/// A browser's, which has the file and asks whether it is still the same.
pub(crate) const BROWSER: &[u8] = b"GET /assets/app.js?v=3 HTTP/1.1\r\nHost: www.example.org\r\nConnection: keep-alive\r\n\
sec-ch-ua: \"Chromium\";v=\"141\", \"Not?A_Brand\";v=\"8\"\r\nsec-ch-ua-mobile: ?0\r\nsec-ch-ua-platform: \"Linux\"\r\n\
User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36\r\n\
Accept: */*\r\nSec-Fetch-Site: same-origin\r\nSec-Fetch-Mode: no-cors\r\nSec-Fetch-Dest: script\r\n\
Referer: https://www.example.org/\r\nAccept-Encoding: gzip, deflate, br, zstd\r\nAccept-Language: en-US,en;q=0.9\r\n\
If-None-Match: \"6b015c37.fac8262-97\"\r\n\r\n";
