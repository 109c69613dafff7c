package mapped

import (
	"os"
	"syscall"
	"unsafe"
)

// Scattered tells the system that bytes of a file that Open returned are read here and there: it then reads no more than the
// pages that are asked for. Whether it heeds that changes no result.
func Scattered(data []byte) {
	page := uintptr(os.Getpagesize())
	over := -uintptr(unsafe.Pointer(unsafe.SliceData(data))) % page // up to the first whole page
	if uintptr(len(data)) > over {
		_ = syscall.Madvise(data[over:], syscall.MADV_RANDOM)
	}
}
