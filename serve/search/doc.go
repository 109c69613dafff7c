// Package search answers searches of an index over HTTP: pictures or vectors in, the nearest items out, as JSON, and a page
// to try it on. [Mount] adds it to a server of package serve.
//
//	POST   /v1/search      the nearest items
//	POST   /v1/items       add items, which replace those of the same identifiers; all or none
//	GET    /v1/items/ID    an item with its vector
//	DELETE /v1/items/ID
//	GET    /v1/thumb/ID    its picture as PNG, made small, if the index recorded where that is
//	GET    /v1/info        the index, and the limits that clients can heed
//	GET    /               the page
//
// An ID in an address is percent-encoded, its slashes, too: a/b is /v1/items/a%2Fb.
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
// The fields of an item have at most 64 KiB together, and an answer 16 MiB of texts: a search for hits with more is
// told to ask for fewer.
//
// Requests that come while network or index are at work are joined into the next batch. The
// network's vector of a picture may differ in the last bits with the size of its batch.
package search
