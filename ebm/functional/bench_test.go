package functional

import (
	"fmt"
	"testing"
)

func BenchmarkEval(b *testing.B) {
	for _, size := range [][2]int{{256, 10}, {8192, 128}} {
		for _, f := range []Functional{NLL{}, Hinge{Margin: 1}, MarginCost{Margin: 1}} {
			b.Run(fmt.Sprintf("%s/%dx%d", f.Name(), size[0], size[1]), func(b *testing.B) {
				rows := draw(generator(1), f, size[0], size[1], 3)
				energies := convert[float32](rows.energies)
				loss, grad := make([]float32, size[0]), make([]float32, len(energies))
				var e LabelEvaluator[float32]
				b.SetBytes(int64(8 * len(energies)))
				for b.Loop() {
					if err := e.Eval(f, energies, size[1], rows.target, loss, grad); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
