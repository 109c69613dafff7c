// Package inference serves networks by the Open Inference Protocol (version 2, of KServe and Triton): tensors in, tensors out.
//
//	GET  /v2                               the server and its extensions
//	GET  /v2/health/live                   the program runs
//	GET  /v2/health/ready                  every model can answer, and the server is not being stopped
//	GET  /v2/models/NAME                   a model's inputs and outputs; −1 is a free dimension
//	GET  /v2/models/NAME/ready             the model can answer
//	POST /v2/models/NAME/infer             outputs of inputs
//
// Paths of a model also take /versions/1 behind its name: a model has one version. Tensors come as JSON, flat or as nested lists,
// or as bytes behind the JSON by the extension binary_tensor_data: the header Inference-Header-Content-Length is the length of the
// JSON, binary_data_size that of a tensor, whose elements are little-endian. FP16 and BF16 are taken in JSON, too. BYTES are
// refused: no model here takes strings. What is wrong with a request is told as {"error": "…"}, with the place in it.
//
// Where the server has tokens, /v2/health/… and …/ready need none, and all else the scope read.
//
// Requests that wait for a model are joined along the first dimension where that is free in all inputs and outputs, and where a
// trial at the start has shown that each row's results do not depend on the others. The queue of a model is bounded. A model is
// replaced by [Service.Put] without a request that fails.
package inference
