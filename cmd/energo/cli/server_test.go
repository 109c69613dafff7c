package cli

import (
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// setServer is the script command "address SAID": the variable SERVER becomes the address that a server said.
func setServer(ts *testscript.TestScript, _ bool, args []string) {
	ts.Setenv("SERVER", address.FindString(ts.ReadFile(args[0])))
}

// same is the script command "same INDEX NAME ARGS...": energo index query prints the same of an index's folder as of its name at SERVER, which
// knows the client by the file token. The output stays in stdout.
func same(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 {
		ts.Fatalf("usage: same INDEX NAME ARGS...")
	}
	query := func(name string, more ...string) string {
		ts.Check(ts.Exec("energo", slices.Concat([]string{"index", "query", name}, args[2:], more)...))
		return ts.ReadFile("stdout")
	}
	there := query(args[1], "--server", ts.Getenv("SERVER"), "--token-file", "token")
	if here := query(args[0]); here != there || strings.TrimSpace(here) == "" {
		ts.Fatalf("here:\n%s\nthere:\n%s", here, there)
	}
}
