package shelf_test

import (
	"context"
	"fmt"
	"log"
	"log/slog"
	"strings"

	"github.com/energo-ml/energo/serve/shelf"
)

// A model is replaced while a request uses it.
func Example() {
	models := shelf.New[func(string) string]("model", slog.Default())
	defer models.Close()
	for _, f := range []func(string) string{strings.ToUpper, strings.ToLower} {
		wait, err := models.Put("case", shelf.Item[func(string) string]{Model: f})
		if err != nil {
			log.Fatal(err)
		}
		if err := wait(); err != nil {
			log.Fatal(err)
		}
		held, err := models.Take("case")
		if err != nil {
			log.Fatal(err)
		}
		defer held.Done()
		if err := held.Enter(context.Background()); err != nil {
			log.Fatal(err)
		}
		fmt.Println(held.Model("Energo"))
	}
	// Output:
	// ENERGO
	// energo
}
