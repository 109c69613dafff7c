package op

import (
	"fmt"

	"github.com/energo-ml/energo/internal/spelling"
)

// unknown says which operators have a name like the one that is not there.
func unknown(domain, name string) error {
	var same []string
	known := map[string]bool{}
	for k := range index {
		known[k[0]] = true
	}
	for _, o := range All() {
		if o.Domain == domain && (len(same) == 0 || same[len(same)-1] != o.Name) {
			same = append(same, o.Name)
		}
	}
	if !known[domain] {
		return fmt.Errorf("operator %s is of a domain with no operators here", title(domain, name))
	}
	return fmt.Errorf("there is no operator %s here%s", title(domain, name), spelling.DidYouMean(name, same))
}
