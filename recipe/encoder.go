package recipe

import (
	"image"
)

// Encoder is the trained network of a search or siamese run at work: pictures in, vectors out.
type Encoder interface {
	// Dim is how many coordinates a vector has.
	Dim() int
	// Fingerprint tells encoders apart: vectors of different ones do not compare.
	Fingerprint() string
	// Metric is the distance that the vectors were trained for: "euclidean", "cosine" or "dot".
	Metric() string
	// Encode writes the vectors of pictures of any size and colour to dst, Dim elements each.
	// It may be called from several goroutines at once.
	Encode(dst []float32, pictures []image.Image) error
}
