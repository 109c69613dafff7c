// Package audio turns recordings into what a recogniser reads: files of WAV, FLAC, MP3, Ogg and others to samples
// of one channel, samples to another rate, samples to log-mel features (whole or in
// chunks as they arrive), and both to disturbed copies of themselves for training.
//
// A sample is a float32 with full scale at ±1. Features are rows of one frame each,
// the mels of a frame side by side. What takes a *rand.Rand draws from nothing else.
package audio
