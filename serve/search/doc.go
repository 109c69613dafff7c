// Package search answers searches of an index over HTTP: pictures or vectors in, the nearest items out, as JSON, and a page
// to try it on. [Mount] adds it to a server of package serve.
//
//	POST   /v1/search          the nearest items, or those that have words
//	POST   /v1/search/batch    of several queries
//	GET    /v1/items           items that pass a filter, a part at a time
//	POST   /v1/items           add items, which replace those of the same identifiers; all or none
//	POST   /v1/items/delete    take items out, by identifiers or a filter; all or none
//	GET    /v1/items/ID        an item with its vector
//	PATCH  /v1/items/ID        change its label and fields
//	DELETE /v1/items/ID
//	GET    /v1/thumb/ID        its picture, made small; also of a picture that was sent
//	GET    /v1/picture/ID      its picture, as large as a screen, if the index recorded where that is
//	GET    /v1/values          labels and fields, and how many items have which
//	GET    /v1/map             a plane on which near items are near
//	GET    /v1/info            the index, and the limits that clients can heed
//	GET    /openapi.json       all of this as OpenAPI 3.1
//	GET    /                   the page
//
// An ID in an address is percent-encoded, its slashes, too: a/b is /v1/items/a%2Fb.
//
// A search is a JSON object with one of vector, image (base64), id (that of an item), and like:
//
//	{"vector": [0.1, …], "k": 10, "offset": 20, "within": 0.5, "filter": {"label": ["7", "9"], "fields": {"year": {"gte": 2019}}}}
//	{"like": [{"id": "a"}, {"image": "…", "weight": 2}], "unlike": [{"id": "b"}], "filter": "label in (7, 9) and year >= 2019"}
//
// or a picture (PNG, JPEG, GIF, WebP and others) as the body, with its content type or application/octet-stream, and parameters
// in the address, or as a form (multipart/form-data) with the picture as image:
//
//	POST /v1/search?k=10&filter=label+in+(7,9)&text=red+bus
//
// Words are looked for by text, alone or beside one of these or a picture, where the index is a folder: see index.Query. The hits have a score, and
// a distance where a vector was looked for, too.
//
//	{"text": "red bus", "id": "a"}
//
// The answer has the hits, the nearest or those of the highest score first, and the milliseconds that network and index took with waiting:
//
//	{"hits": [{"id": "…", "distance": 0.2, "label": "7", "fields": {…}, "thumb": "/v1/thumb/…"}, …], "encode_ms": 1.1, "search_ms": 0.9}
//
// Items are added as {"items": [{"id", "label", "fields", "vector" or "image"}, …]}, or one as a picture with the
// parameters id, label and field=NAME=VALUE. When the answer comes they are on disk.
//
// The fields of an item have at most 64 KiB together, and an answer 16 MiB of texts: a search for hits with more is
// told to ask for fewer.
//
// Requests that come while network or index are at work are joined into the next batch. The
// network's vector of a picture may differ in the last bits with the size of its batch.
package search
