// Command energo trains, inspects and compares energy-based models.
package main

import (
	"os"

	"github.com/energo-ml/energo/cmd/energo/cli"
)

func main() { os.Exit(cli.Energo().Main(os.Args[1:], os.Stdout, os.Stderr)) }
