package openapi_test

import (
	"encoding/json"
	"fmt"
	"log"

	"github.com/energo-ml/energo/serve/openapi"
)

// Describe one request.
func Example() {
	d := openapi.Document{Title: "echo", Version: "1"}
	d.Add("POST /v1/echo", openapi.Operation{
		ID: "echo", Summary: "The same text",
		Body:     openapi.Content{"text/plain": openapi.Text()},
		Answers:  map[int]openapi.Answer{200: {Description: "The text.", Content: openapi.Content{"text/plain": openapi.Text()}}},
		Refusals: []int{422},
	})
	text, err := json.Marshal(d.Object()["paths"])
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(string(text))
	// Output: {"/v1/echo":{"post":{"operationId":"echo","requestBody":{"content":{"text/plain":{"schema":{"type":"string"}}},"required":true},"responses":{"200":{"content":{"text/plain":{"schema":{"type":"string"}}},"description":"The text."},"422":{"content":{"application/problem+json":{"schema":{"$ref":"#/components/schemas/Problem"}}},"description":"The request is well formed, but not within what is allowed."}},"summary":"The same text"}}}
}
