// Package openai has what services share that answer as OpenAI's do: problems in the form that its clients show, and
//
//	GET /v1/models       the models that are served
//	GET /v1/models/NAME  one of them
//
// Package serve/embeddings is such a service.
package openai
