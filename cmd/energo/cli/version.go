package cli

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/energo-ml/energo/internal/simd"
)

func version() string {
	v := "unreleased"
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		v = info.Main.Version
	}
	return fmt.Sprintf("energo %s, %s %s/%s, kernels %v", v, runtime.Version(), runtime.GOOS, runtime.GOARCH, simd.Current())
}
