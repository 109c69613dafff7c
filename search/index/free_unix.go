//go:build linux || darwin || freebsd

package index

import "syscall"

// freeBytes returns how many bytes may still be written where a folder is; -1 is not known.
func freeBytes(dir string) int64 {
	var fs syscall.Statfs_t
	if err := syscall.Statfs(dir, &fs); err != nil {
		return -1
	}
	return int64(fs.Bavail) * int64(fs.Bsize)
}
