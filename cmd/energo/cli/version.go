package cli

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/energo-ml/energo/internal/simd"
)

// release is the version of the program's module.
func release() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "unreleased"
}

func version() string {
	return fmt.Sprintf("energo %s, %s %s/%s, kernels %v", release(), runtime.Version(), runtime.GOOS, runtime.GOARCH, simd.Current())
}
