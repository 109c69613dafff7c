package predict_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/data/tabular"
	"github.com/energo-ml/energo/serve"
	"github.com/energo-ml/energo/serve/predict"
)

// A model of tables behind a port of one's own server; an untrained one stands for that of a run.
func Example() {
	table, err := data.ParseTable(strings.NewReader("species,length\ncat,46\ndog,80\n"), "pets.csv")
	if err != nil {
		log.Fatal(err)
	}
	schema, err := table.Fit(table.All(), data.TableTarget{Column: "species"}, nil)
	if err != nil {
		log.Fatal(err)
	}
	model, err := tabular.New(tabular.Spec{Network: "linear", Schema: schema}, rand.New(rand.NewPCG(1, 1)))
	if err != nil {
		log.Fatal(err)
	}
	server, err := serve.New(context.Background(), serve.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer server.Close()
	service, err := predict.Mount(server, predict.Options{})
	if err != nil {
		log.Fatal(err)
	}
	wait, err := service.PutTable("pets", model, serve.Queue{})
	if err == nil {
		err = wait() // until it is warmed up
	}
	if err != nil {
		log.Fatal(err)
	}
	web := httptest.NewServer(server.Handler())
	defer web.Close()

	answer, err := http.Post(web.URL+"/v1/predict", "application/json", strings.NewReader(`{"model": "pets", "rows": [{"length": "long"}]}`))
	if err != nil {
		log.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(answer.StatusCode, strings.Contains(string(text), "rows[0].length is a JSON string; it must be a number"))
	// Output: 400 true
}
