// Package embeddings turns pictures and texts into vectors, as OpenAI's clients ask for them:
//
//	POST /v1/embeddings  {"model", "input", "encoding_format", "dimensions"}
//
// An input is a picture as a data URL, for an encoder of pictures; a text, or a list of numbers of tokens, for one of texts. encoding_format is float or
// base64, which is the float32 coordinates in little-endian bytes. dimensions must be those of the model: its vectors are not cut. Problems
// come in the form of package serve/openai.
//
// Requests that wait for a model go through it together. Each model has a bounded number of places for them; more are refused with status 429.
package embeddings
