// Package serve is the frame of servers over HTTP: what requests may take, what clients are told, how a server is watched and
// stopped. What it answers with is a [Service], such as an index by package serve/search; several can stand beside each other.
//
//	GET /healthz   the program runs
//	GET /readyz    every service can answer, and the server is not being stopped; how each model stands, also at /readyz/NAME
//	GET /metrics   for Prometheus
//
// The server never redirects, so that a path that is not clean (a//b, a/../b) is not found, instead of being another's.
//
// What is wrong is told as RFC 9457 has it, application/problem+json, with a code and the field that is wrong:
//
//	{"type": "about:blank", "title": "Unprocessable Entity", "status": 422, "detail": "k is 0; …", "code": "invalid", "field": "k"}
//
// The statuses 429 and 503 say when to come again. JSON is taken strictly: no unknown names, nor those in other
// letters, nothing twice in an object, no null, nothing behind it, and no numbers that float32 cannot hold.
//
// Nothing that a client sends is trusted: bodies, pixels, counts, times and the number of
// requests are bounded by [Limits]. What decoding a picture takes is known from its header, and waited for, before it is
// decoded; it is scaled to the network's size meanwhile.
//
// With [Options].Tokens each request needs a bearer token (RFC 6750) of the scope of its [Route]; /healthz, /readyz and pages
// of the program do not. /metrics and /openapi.json need the scope read. Without, everybody is answered: the server is for
// one machine, or behind something that asks who they are. Pages of other origins can use it through a browser
// where [Options].Origins lists them. The files of tokens and of [Options].TLS are read again when their content changes, and
// by [Server.Reload]; where they are wrong then, what was read before stays. They are best replaced by renaming.
//
// Every answer has an X-Request-Id, the client's if it is short and plain. It stands in the log of requests
// ([Options].Access) and in that of failures, with the trace of a traceparent header. [RequestOf] has both for services.
//
// Memory for bodies is taken as their bytes come, and a request is worked on from when its body is there to when its answer
// begins. So clients that send slowly, or take their answers slowly, keep nobody out. Where the memory of [Limits].Memory is
// full, the slow request that holds the most for the longest is cut off with status 408.
//
// A [Route] with Stream is one whose answer lasts: events, or a WebSocket. It has no deadline, a place of its own kind, and ends when the server
// is told to stop.
package serve
