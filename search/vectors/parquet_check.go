package vectors

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/energo-ml/energo/internal/excerpt"
	"github.com/klauspost/compress/zstd"
	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"
)

// Bounds of what a Parquet file may have the library allocate, which trusts its numbers.
const (
	maxPage    = 256 << 20 // bytes of a page that is decompressed
	maxSqueeze = 2000      // and how many times as large as it is in the file, beside a small page
	smallPage  = 1 << 20
)

// checkFooter refuses a file whose end says that more stands before it than is there.
func checkFooter(r io.ReaderAt, size int64) error {
	var end [8]byte
	if size < 12 {
		return fmt.Errorf("the file has %d bytes; this is no Parquet file", size)
	}
	if _, err := r.ReadAt(end[:], size-8); err != nil {
		return err
	}
	if n := int64(binary.LittleEndian.Uint32(end[:4])); string(end[4:]) != "PAR1" || n > size-12 {
		return fmt.Errorf("its last bytes are not those of a Parquet file, or it is cut off")
	}
	return nil
}

// checkPages refuses pages that lie outside the file, that are larger when decompressed than can be, or that are compressed otherwise than by
// what is read.
func checkPages(r io.ReaderAt, size int64, m *format.FileMetaData) error {
	for i := range m.RowGroups {
		for j := range m.RowGroups[i].Columns {
			c := &m.RowGroups[i].Columns[j].MetaData
			at, bytes := c.DataPageOffset, c.TotalCompressedSize
			if d := c.DictionaryPageOffset; d > 0 && d < at {
				at = d
			}
			err := checkCodec(c.Codec)
			switch {
			case err != nil:
			case at < 0 || bytes < 0 || at > size || bytes > size-at:
				err = fmt.Errorf("its pages are bytes %d to %d of a file of %d", at, at+bytes, size)
			default:
				err = checkChunk(r, at, at+bytes, c.Codec)
			}
			if err != nil {
				return fmt.Errorf("row group %d, column %d: %w", i, j, err)
			}
		}
	}
	return nil
}

// codecs are the ways of compression that are read. The library's decoder of LZ4 allocates without bound where a page is damaged.
var codecs = []format.CompressionCodec{format.Uncompressed, format.Snappy, format.Gzip, format.Zstd, format.Brotli}

func checkCodec(c format.CompressionCodec) error {
	if !slices.Contains(codecs, c) {
		return fmt.Errorf("it is compressed by %s; what is compressed by snappy, gzip, zstd, brotli or not at all is read", excerpt.Of(c.String()))
	}
	return nil
}

// checkChunk goes over the heads of the pages between two places of a file.
func checkChunk(r io.ReaderAt, at, end int64, codec format.CompressionCodec) error {
	for at < end {
		section := io.NewSectionReader(r, at, end-at)
		b := bufio.NewReaderSize(section, 512)
		var head format.PageHeader
		if err := thrift.NewDecoder(new(thrift.CompactProtocol).NewReader(b)).Decode(&head); err != nil {
			return err
		}
		read, err := section.Seek(0, io.SeekCurrent)
		if err != nil {
			return err
		}
		at += read - int64(b.Buffered())
		stored, whole := int64(head.CompressedPageSize), int64(head.UncompressedPageSize)
		if stored < 0 || stored > end-at || whole < 0 || whole > maxPage || whole > smallPage && whole/maxSqueeze > stored {
			return fmt.Errorf("a page of %d bytes with %d decompressed cannot be; at most %d are read", stored, whole, maxPage)
		}
		levels := int64(0)
		if v2 := head.DataPageHeaderV2; v2.Valid {
			levels = int64(v2.V.DefinitionLevelsByteLength) + int64(v2.V.RepetitionLevelsByteLength)
		}
		if levels < 0 || levels > stored {
			return fmt.Errorf("a page of %d bytes has %d of levels", stored, levels)
		}
		if err := checkPacked(io.NewSectionReader(r, at+levels, stored-levels), codec, uint64(whole)); err != nil {
			return err
		}
		at += stored
	}
	return nil
}

// checkPacked refuses a page whose own head declares more bytes than the page has.
func checkPacked(r io.Reader, codec format.CompressionCodec, whole uint64) error {
	var start [18]byte // of the longest head, of zstd
	n, err := io.ReadFull(r, start[:])
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		return err
	}
	declared := uint64(0)
	switch codec {
	case format.Snappy:
		declared, _ = binary.Uvarint(start[:n])
	case format.Zstd:
		var head zstd.Header
		if head.Decode(start[:n]) == nil && head.HasFCS {
			declared = head.FrameContentSize
		}
	}
	if declared > whole {
		return fmt.Errorf("a page of %d bytes declares %d", whole, declared)
	}
	return nil
}
