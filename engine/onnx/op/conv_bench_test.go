package op

import (
	"fmt"
	"testing"

	"github.com/energo-ml/energo/engine/onnx/format"
	"github.com/energo-ml/energo/engine/onnx/value"
)

// networkConvs are the convolutions of ResNet-18 and of MobileNetV2 at 224×224, and how often they occur.
var networkConvs = []struct {
	network                              string
	times                                int
	in, size, out, kernel, stride, group int
}{
	{"ResNet18", 1, 3, 224, 64, 7, 2, 1},
	{"ResNet18", 4, 64, 56, 64, 3, 1, 1},
	{"ResNet18", 1, 64, 56, 128, 3, 2, 1},
	{"ResNet18", 1, 64, 56, 128, 1, 2, 1},
	{"ResNet18", 3, 128, 28, 128, 3, 1, 1},
	{"ResNet18", 1, 128, 28, 256, 3, 2, 1},
	{"ResNet18", 1, 128, 28, 256, 1, 2, 1},
	{"ResNet18", 3, 256, 14, 256, 3, 1, 1},
	{"ResNet18", 1, 256, 14, 512, 3, 2, 1},
	{"ResNet18", 1, 256, 14, 512, 1, 2, 1},
	{"ResNet18", 3, 512, 7, 512, 3, 1, 1},
	{"MobileNetV2", 1, 3, 224, 32, 3, 2, 1},
	{"MobileNetV2", 1, 32, 112, 32, 3, 1, 32},
	{"MobileNetV2", 1, 32, 112, 16, 1, 1, 1},
	{"MobileNetV2", 1, 16, 112, 96, 1, 1, 1},
	{"MobileNetV2", 1, 96, 112, 96, 3, 2, 96},
	{"MobileNetV2", 1, 96, 56, 24, 1, 1, 1},
	{"MobileNetV2", 2, 24, 56, 144, 1, 1, 1},
	{"MobileNetV2", 1, 144, 56, 144, 3, 1, 144},
	{"MobileNetV2", 1, 144, 56, 24, 1, 1, 1},
	{"MobileNetV2", 1, 144, 56, 144, 3, 2, 144},
	{"MobileNetV2", 1, 144, 28, 32, 1, 1, 1},
	{"MobileNetV2", 3, 32, 28, 192, 1, 1, 1},
	{"MobileNetV2", 2, 192, 28, 192, 3, 1, 192},
	{"MobileNetV2", 2, 192, 28, 32, 1, 1, 1},
	{"MobileNetV2", 1, 192, 28, 192, 3, 2, 192},
	{"MobileNetV2", 1, 192, 14, 64, 1, 1, 1},
	{"MobileNetV2", 4, 64, 14, 384, 1, 1, 1},
	{"MobileNetV2", 4, 384, 14, 384, 3, 1, 384},
	{"MobileNetV2", 3, 384, 14, 64, 1, 1, 1},
	{"MobileNetV2", 1, 384, 14, 96, 1, 1, 1},
	{"MobileNetV2", 3, 96, 14, 576, 1, 1, 1},
	{"MobileNetV2", 2, 576, 14, 576, 3, 1, 576},
	{"MobileNetV2", 2, 576, 14, 96, 1, 1, 1},
	{"MobileNetV2", 1, 576, 14, 576, 3, 2, 576},
	{"MobileNetV2", 1, 576, 7, 160, 1, 1, 1},
	{"MobileNetV2", 3, 160, 7, 960, 1, 1, 1},
	{"MobileNetV2", 3, 960, 7, 960, 3, 1, 960},
	{"MobileNetV2", 2, 960, 7, 160, 1, 1, 1},
	{"MobileNetV2", 1, 960, 7, 320, 1, 1, 1},
	{"MobileNetV2", 1, 320, 7, 1280, 1, 1, 1},
}

// samePlace gives the same memory each time.
type samePlace struct {
	testPlace
	y *value.Value
}

func (p samePlace) Result(c *Call, i int, _ format.DataType, _ []int) (*value.Value, error) {
	c.Out[i] = p.y
	return p.y, nil
}

// BenchmarkConv times the convolutions of two networks, one picture at a time.
func BenchmarkConv(b *testing.B) {
	for _, s := range networkConvs {
		b.Run(fmt.Sprintf("%s/%dx%dx%d-%d-k%d-s%d-g%d", s.network, s.in, s.size, s.size, s.out, s.kernel, s.stride, s.group), func(b *testing.B) {
			pad := s.kernel / 2
			x, w, bias := ramp(1, s.in, s.size, s.size), ramp(s.out, s.in/s.group, s.kernel, s.kernel), ramp(s.out)
			n := testNode{op: "Conv", version: 11, constant: true, attributes: map[string]any{
				"group": s.group, "strides": []int{s.stride, s.stride}, "pads": []int{pad, pad, pad, pad},
			}}
			k, err := n.kernel(x, w, bias)
			if err != nil {
				b.Fatal(err)
			}
			in := []*value.Value{x, w, bias}
			out, err := runKernel(k, 1, in...)
			if err != nil {
				b.Fatal(err)
			}
			c := &Call{In: in, Out: make([]*value.Value, 1), Place: samePlace{y: out[0]}}
			b.ReportAllocs()
			for b.Loop() {
				if err := k.Run(c); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
