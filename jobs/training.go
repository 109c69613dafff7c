package jobs

import (
	"fmt"
	"hash/crc32"

	"github.com/energo-ml/energo/data"
)

// imagesSum stands for a training set in a checkpoint's settings; its folder's path would not, for the data may have moved.
func imagesSum(set *data.Images) string {
	sum := crc32.Update(crc32.ChecksumIEEE(set.Pixels), crc32.IEEETable, set.Labels)
	return fmt.Sprintf("%d pictures of %d×%d with checksum %08x", set.N, set.H, set.W, sum)
}
