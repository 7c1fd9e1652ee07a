//! Sentences that decide where peers differ.

pub(crate) const ASTERISK: &str = "RFC 9112 section 3.2.4: The asterisk-form of request-target is only used \
    for a server-wide OPTIONS request";
pub(crate) const AFTER_CLOSE: &str = "RFC 9112 section 9.6: The server MUST NOT process any further \
    requests received on that connection.";
pub(crate) const BARE_CR: &str = "RFC 9112 section 2.2: A recipient of such a bare CR MUST consider that \
    element to be invalid or replace each bare CR with SP before processing the element or forwarding the \
    message.";
pub(crate) const BARE_LF: &str = "RFC 9112 section 2.2: a recipient MAY recognize a single LF as a line \
    terminator and ignore any preceding CR.";
pub(crate) const BOTH: &str = "RFC 9112 section 6.1: A server MAY reject a request that contains both \
    Content-Length and Transfer-Encoding or process such a request in accordance with the Transfer-Encoding \
    alone.";
pub(crate) const CHUNK: &str = "RFC 9112 section 7.1: chunk = chunk-size [ chunk-ext ] CRLF chunk-data CRLF";
pub(crate) const CODING: &str = "RFC 9112 section 6.1: A server that receives a request message with a \
    transfer coding it does not understand SHOULD respond with 501 (Not Implemented).";
pub(crate) const COLON: &str = "RFC 9112 section 5.1: A server MUST reject, with a response status code of \
    400 (Bad Request), any received request message that contains whitespace between a header field name \
    and colon.";
pub(crate) const CONNECT: &str = "RFC 9110 section 9.3.6: An origin server MAY accept a CONNECT request, \
    but most origin servers do not implement CONNECT.";
pub(crate) const CONTROLS: &str = "RFC 9110 section 5.5: Field values containing other CTL characters are \
    also invalid";
pub(crate) const EMPTY_LINE: &str = "RFC 9112 section 2.2: a server that is expecting to receive and parse \
    a request-line SHOULD ignore at least one empty line (CRLF) received prior to the request-line.";
pub(crate) const EXTENSION: &str = "RFC 9112 section 7.1.1: A recipient MUST ignore unrecognized chunk \
    extensions.";
pub(crate) const FOLD: &str = "RFC 9112 section 5.2: A server that receives an obs-fold in a request \
    message that is not within a \"message/http\" container MUST either reject the message by sending a 400 \
    (Bad Request), preferably with a representation explaining that obsolete line folding is unacceptable, \
    or replace each received obs-fold with one or more SP octets";
pub(crate) const MAJOR_VERSION: &str = "RFC 9110 section 15.6.6: The 505 (HTTP Version Not Supported) \
    status code indicates that the server does not support, or refuses to support, the major version of \
    HTTP that was used in the request message.";
pub(crate) const METHOD: &str = "RFC 9112 section 3.1: method = token";
pub(crate) const NOT_LAST: &str = "RFC 9112 section 6.3: If a Transfer-Encoding header field is present in \
    a request and the chunked transfer coding is not the final encoding, the message body length cannot be \
    determined reliably; the server MUST respond with the 400 (Bad Request) status code and then close the \
    connection.";
pub(crate) const REQUEST_LINE: &str = "RFC 9112 section 3: request-line = method SP request-target SP \
    HTTP-version";
pub(crate) const TARGET: &str = "RFC 9112 section 3.2: Recipients of an invalid request-line SHOULD respond \
    with either a 400 (Bad Request) error or a 301 (Moved Permanently) redirect with the request-target \
    properly encoded.";
pub(crate) const TWO_LINES: &str = "two lines of Transfer-Encoding are refused whatever they say; the \
    codings of one are RFC 9112 section 6.1's 501";
pub(crate) const USERINFO: &str = "RFC 9110 section 4.2.4: a recipient SHOULD parse for userinfo and treat \
    its presence as an error";
pub(crate) const ABSOLUTE: &str = "RFC 9112 section 3.2.2: When an origin server receives a request with an \
    absolute-form of request-target, the origin server MUST ignore the received Host header field (if any) \
    and instead use the host information of the request-target.";
pub(crate) const CONTENT_OF_GET: &str = "RFC 9110 section 9.3.1: Although request message framing is \
    independent of the method used, content received in a GET request has no generally defined semantics";
pub(crate) const CONTENT_TYPE: &str = "RFC 9110 section 8.3: Although Content-Type is defined as a \
    singleton field, it is sometimes incorrectly generated multiple times, resulting in a combined field \
    value that appears to be a list.";
pub(crate) const DATES: &str = "RFC 9110 section 13.1.3: A recipient MUST ignore the If-Modified-Since \
    header field if the received field value is not a valid HTTP-date, the field value has more than one \
    member, or if the request method is neither GET nor HEAD.";
pub(crate) const HOST: &str = "RFC 9112 section 3.2: A server MUST respond with a 400 (Bad Request) status \
    code to any HTTP/1.1 request message that lacks a Host header field";
pub(crate) const LONG_EXTENSION: &str = "RFC 9112 section 7.1.1: A server ought to limit the total length \
    of chunk extensions received in a request to an amount reasonable for the services provided";
pub(crate) const NO_BODY: &str = "RFC 9112 section 6.3: If this is a request message and none of the above \
    are true, then the message body length is zero (no message body is present).";
pub(crate) const RANGE: &str = "RFC 9110 section 14.2: A server that supports range requests MAY ignore or \
    reject a Range header field that contains an invalid ranges-specifier";
pub(crate) const REG_NAME: &str = "RFC 3986 section 3.2.2: reg-name = *( unreserved / pct-encoded / \
    sub-delims )";
pub(crate) const TRAILERS: &str = "RFC 9112 section 7.1.2: A recipient that removes the chunked coding from \
    a message MAY selectively retain or discard the received trailer fields.";
pub(crate) const RANGE_METHOD: &str = "RFC 9110 section 14.2: For this specification, GET is the only \
    method for which range handling is defined.";
pub(crate) const TRAILER_SECTION: &str = "RFC 9112 section 7.1: chunked-body = *chunk last-chunk \
    trailer-section CRLF";
pub(crate) const EMPTY_HOST: &str = "RFC 9112 section 3.2: If the authority component is missing or \
    undefined for the target URI, then a client MUST send a Host header field with an empty field value.";
pub(crate) const IP_FUTURE: &str = "RFC 3986 section 3.2.2: is dereferenced by an application that does not \
    know the meaning of that version flag, then the application should return an appropriate error for \
    \"address mechanism not supported\".";
pub(crate) const UNIMPLEMENTED: &str = "RFC 9110 section 9.1: An origin server that receives a request \
    method that is unrecognized or not implemented SHOULD respond with the 501 (Not Implemented) status \
    code.";
