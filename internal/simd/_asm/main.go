// Command _asm writes the assembly of package simd, one group of kernels a run.
package main

import (
	"flag"
	"log"

	. "github.com/mmcloughlin/avo/build"
)

var groups = map[string]func(){
	"maths":      func() { maps(heavy) },
	"maps":       func() { maps(light) },
	"reduce":     reductions,
	"update":     updates,
	"scan":       scans,
	"bitscan":    bitScan,
	"pool":       pools,
	"distance":   distances,
	"xent":       xentKernels,
	"rows":       rowKernels,
	"ctc":        ctcKernels,
	"ctcpath":    ctcPathKernels,
	"ctcsum":     ctcSumKernels,
	"pairs":      pairs,
	"margins":    margins,
	"regress":    func() { points(regressLosses) },
	"binaryloss": func() { points(binaryLosses) },
}

func main() {
	group := flag.String("group", "", "kernels to write: maths, maps, reduce, update, …")
	flag.Parse()
	emit, ok := groups[*group]
	if !ok {
		log.Fatalf("unknown group %q", *group)
	}
	ConstraintExpr("amd64")
	emit()
	Generate()
}
