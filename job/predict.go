package job

import "io"

// A Predictor is a Spec whose trained model answers the rows of a file.
type Predictor interface {
	Spec
	// Predict opens the model in a finished run's folder by its card, without the training data, and writes the rows of the CSV
	// file at path with the answers and their energies. The settings are those of the run.
	Predict(dir, path string, out io.Writer) error
}
