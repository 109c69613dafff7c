// Command asm writes the assembly of package gemm: for each instruction set, the
// product of a register tile and the copies that bring matrices into panels.
package main

import (
	"errors"
	"flag"
	"log"
	"os"
	"path/filepath"

	"github.com/mmcloughlin/avo/pass"
	"github.com/mmcloughlin/avo/printer"
)

func main() {
	dir := flag.String("dir", "..", "folder to write to")
	flag.Parse()
	for _, s := range []*isa{avx512(), avx2()} {
		s.tile()
		s.tileRows()
		s.tilePairs()
		s.bytes8()
		s.winograd()
		s.transpose()
		s.copyRows()
		s.sumRows()
		s.splitRows()
		s.taps()
		s.windows()
		s.pixels()
		text, err := assemble(s)
		if err == nil {
			err = write(filepath.Join(*dir, s.name+"_amd64.s"), text)
		}
		if err != nil {
			log.Fatalf("%s: %v", s.name, err)
		}
	}
}

func assemble(s *isa) ([]byte, error) {
	f, err := s.Result()
	if err != nil {
		return nil, err
	}
	if err := pass.Compile.Execute(f); err != nil {
		return nil, err
	}
	return printer.NewGoAsm(printer.Config{Argv: []string{"go", "run", "."}, Name: "avo", Pkg: "gemm"}).Print(f)
}

// write replaces the file at path whole, so that a failure leaves the old one.
func write(path string, text []byte) error {
	tmp := path + ".tmp"
	return errors.Join(os.WriteFile(tmp, text, 0o644), os.Rename(tmp, path))
}
