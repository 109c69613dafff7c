package remote_test

import (
	"fmt"

	"github.com/energo-ml/energo/search/index/remote"
)

// A folder and an address are told apart by how they begin.
func Example() {
	for _, name := range []string{"Pictures.index", "postgres://me@localhost/shop?table=pictures"} {
		fmt.Println(remote.IsAddress(name), name)
	}
	// Output:
	// false Pictures.index
	// true postgres://me@localhost/shop?table=pictures
}
