package bearer_test

import (
	"fmt"
	"log"

	"github.com/energo-ml/energo/serve/bearer"
)

// Make a token, write the line that a file has of it, and know who sends it.
func Example() {
	token := bearer.New()
	line := bearer.Line(bearer.Holder{Name: "grafana", Scopes: []bearer.Scope{bearer.ScopeRead}}, token)
	list, err := bearer.Parse("tokens", []byte(line))
	if err != nil {
		log.Fatal(err)
	}
	h, ok := list.Find(token)
	fmt.Println(h.Name, h.May(bearer.ScopeRead), h.May(bearer.ScopeWrite), ok)
	// Output: grafana true false true
}
