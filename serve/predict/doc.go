// Package predict serves models that give labels, as energo predict and energo tag do for files:
//
//	POST /v1/classify  the classes of pictures, with energies, gaps, probabilities and how foreign a picture is
//	POST /v1/tag       the tags of words, with their places in the text and probabilities
//	POST /v1/predict   answers to the rows of a table
//
// Each takes JSON, whose member "model" names the model; it may be left out where there is one. Classify also takes a picture as the body, or
// as the part "image" of a form, and predict CSV, with parameters in the address. The models are put by Service.Put…, also while others are asked: package serve/shelf.
//
// Requests that wait for a model go through it together. Each model has a bounded number of places for them; more are refused with status 429.
package predict
