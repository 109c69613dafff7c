// Package serve answers searches over HTTP: pictures or vectors in, the nearest items of an
// index out, as JSON, and a page to try it on.
//
//	POST   /v1/search      the nearest items
//	POST   /v1/items       add items, which replace those of the same identifiers; all or none
//	GET    /v1/items/ID    an item with its vector
//	DELETE /v1/items/ID
//	GET    /v1/thumb/ID    its picture as PNG, made small, if the index recorded where that is
//	GET    /v1/info        the index, and the limits that clients can heed
//	GET    /healthz        the program runs
//	GET    /readyz         the index answers, and the server is not being stopped
//	GET    /metrics        for Prometheus
//	GET    /               the page
//
// An ID in an address is percent-encoded, its slashes, too: a/b is /v1/items/a%2Fb. The server never redirects, so that
// a path that is not clean (a//b, a/../b) is not found, instead of being another item's.
//
// A search is a JSON object with one of vector, image (base64) and id (that of an item):
//
//	{"vector": [0.1, …], "k": 10, "filter": {"labels": ["7"], "fields": {"colour": "red"}, "exclude": ["ID"]}}
//
// or a picture (PNG, JPEG, GIF, WebP) as the body, with its content type or application/octet-stream, and parameters
// in the address, or as a form (multipart/form-data) with the picture as image:
//
//	POST /v1/search?k=10&label=7&label=9&field=colour=red&exclude=ID
//
// The answer has the hits, the nearest first, and the milliseconds that network and index took with waiting:
//
//	{"hits": [{"id": "…", "distance": 0.2, "label": "7", "fields": {…}, "thumb": "/v1/thumb/…"}, …], "encode_ms": 1.1, "search_ms": 0.9}
//
// Items are added as {"items": [{"id", "label", "fields", "vector" or "image"}, …]}, or one as a picture with the
// parameters id, label and field. When the answer comes they are on disk.
//
// What is wrong is told as {"error": {"code", "field", "message"}} with a status of 4xx; 429 and 503
// say when to come again. JSON is taken strictly: no unknown names, nor those in other
// letters, nothing twice in an object, no null, nothing behind it, and no numbers that float32 cannot hold. The fields
// of an item have at most 64 KiB together, and an answer 16 MiB of texts: a search for hits with more is
// told to ask for fewer.
//
// Nothing that a client sends is trusted: bodies, pixels, counts, times and the number of
// requests are bounded by [Limits]. What decoding a picture takes is known from its header, and waited for, before it is
// decoded; it is scaled to the network's size meanwhile. There are no
// passwords: the server is for one machine, or behind something that asks for them. Pages of other origins cannot
// use it through a browser.
//
// Memory for bodies is taken as their bytes come, and a request is worked on from when its body is there to when its answer
// begins. So clients that send slowly, or take their answers slowly, keep nobody out. Where the memory of [Limits].Memory is
// full, the slow request that holds the most for the longest is cut off with status 408.
//
// Requests that come while network or index are at work are joined into the next batch. The
// network's vector of a picture may differ in the last bits with the size of its batch.
package serve
