package tabular_test

import (
	"fmt"
	"log"
	"math/rand/v2"
	"os"
	"strings"

	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/data/tabular"
	"github.com/energo-ml/energo/ebm/functional"
	"github.com/energo-ml/energo/engine/autodiff"
	"github.com/energo-ml/energo/engine/optim"
	"github.com/energo-ml/energo/engine/tensor"
)

// A model of a table is trained by a functional, saved, opened without the table and asked.
func Example() {
	table, err := data.ParseTable(strings.NewReader("species,length,colour\ncat,46,black\ndog,80,brown\ncat,40,red\ndog,75,black\n"), "pets.csv")
	if err != nil {
		log.Fatal(err)
	}
	schema, err := table.Fit(table.All(), data.TableTarget{Column: "species"}, nil)
	if err != nil {
		log.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(1, 1))
	model, err := tabular.New(tabular.Spec{Network: "linear", Schema: schema}, rng)
	if err != nil {
		log.Fatal(err)
	}
	trainer, err := tabular.NewTrainer(model, "nll", functional.DefaultOptions(), "")
	if err != nil {
		log.Fatal(err)
	}
	rows, err := tabular.NewRows(schema, table, table.All())
	if err != nil {
		log.Fatal(err)
	}
	tape, adam := autodiff.NewTape(tensor.Float32), new(optim.Adam)
	for range 100 {
		tape.Reset()
		loss, err := trainer.Loss(tape, rows, table.All(), rng)
		if err != nil {
			log.Fatal(err)
		}
		for _, p := range model.Params() {
			p.ZeroGrad()
		}
		tape.Backward(loss)
		adam.Step(model.Params(), 0.05)
	}
	dir, err := os.MkdirTemp("", "table")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	if err := model.Save(dir); err != nil {
		log.Fatal(err)
	}

	opened, err := tabular.Open(dir)
	if err != nil {
		log.Fatal(err)
	}
	more, err := data.ParseTable(strings.NewReader("colour,length\nred,78\n?,44\n"), "more.csv")
	if err != nil {
		log.Fatal(err)
	}
	answers, err := opened.Answer(more)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(answers.Texts, answers.Names)
	// Output: [dog cat] [energy cat energy dog]
}
