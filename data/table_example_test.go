package data_test

import (
	"fmt"
	"strings"

	"github.com/energo-ml/energo/data"
)

func ExampleTable_Fit() {
	table, err := data.ParseTable(strings.NewReader("species,length,colour\ncat,46,black\ndog,80,?\ncat,,red\n"), "pets.csv")
	if err != nil {
		fmt.Println(err)
		return
	}
	schema, err := table.Fit([]int{0, 1}, data.TableTarget{Column: "species"}, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	x, err := schema.Features(table)
	fmt.Println(schema.Target.Classes, schema.Width(), x, err)
	// Output: [cat dog] 2 [-1 1 1 0 0 0] <nil>
}
