// Command energo-embed is energo embed: a program of its own, because Apache Beam would more than double
// energo's size. Beam's workers are this program, too.
package main

import (
	"os"

	"github.com/energo-ml/energo/cmd/energo-embed/internal/embedcli"
	"github.com/energo-ml/energo/cmd/energo-embed/internal/pipeline"
)

func main() {
	pipeline.Worker(os.Args[1:])
	os.Exit(embedcli.Main(os.Args[1:], os.Stdout, os.Stderr))
}
