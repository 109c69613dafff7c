package index

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"

	"github.com/energo-ml/energo/internal/wholefile"
)

// A log holds the changes since the last segment was written. It is a header, which has a
// salt, and frames: all changes that were made last by one synchronisation. A frame without
// changes says that the index was closed.
//
//	header: magic, version, salt, checksum
//	frame:  magic, bytes of the records, number, checksum of the records, checksum of the salt and the head so far; records
//
// Frames are numbered from 1. At any time one frame at most is not yet certain, the last. So
// what is wrong at the end is a crash's doing and was never acknowledged, but what is wrong
// before a frame that is right is damage. The salt makes sure that a vector or a text that
// looks like a frame is not one.
const (
	logMagic    = "energoLG"
	logVersion  = 1
	logHeader   = 8 + 4 + 16 + 4
	saltAt      = 12
	frameMagic  = "frm\xb5"
	frameHeader = 4 + 4 + 8 + 4 + 4
)

// changeLog is a log that is being written.
type changeLog struct {
	file   *os.File // nil: for reading only
	name   string
	salt   [16]byte
	size   int64
	frames uint64
	ended  bool  // the last frame says that the index was closed, or there is none
	failed error // of a write: nothing is certain of the file's end
}

// createLog writes an empty log.
func createLog(dir, name string) error {
	b := append([]byte(logMagic), 0, 0, 0, 0)
	binary.LittleEndian.PutUint32(b[8:], logVersion)
	var salt [16]byte
	_, _ = rand.Read(salt[:]) // never fails
	b = append(b, salt[:]...)
	b = binary.LittleEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
	return wholefile.Write(filepath.Join(dir, name), b)
}

// openLog calls replay with the records of each frame, and unless it is for reading only drops an
// end that is no whole frame, and is ready to append.
func openLog(dir, name string, readOnly bool, replay func(records []byte) error) (*changeLog, error) {
	path := filepath.Join(dir, name)
	data, unmap, err := mapFile(path)
	if err != nil {
		return nil, openError(dir, name, err)
	}
	l := &changeLog{name: name}
	err = l.read(data, replay)
	torn := l.size < int64(len(data))
	unmap()
	if err != nil {
		return nil, fmt.Errorf("index: %s is damaged: %w", path, err)
	}
	if readOnly {
		return l, nil
	}
	if l.file, err = os.OpenFile(path, os.O_WRONLY, 0); err != nil {
		return nil, fmt.Errorf("index: open log: %w", err)
	}
	if torn {
		if err := l.undo(); err != nil {
			l.file.Close()
			return nil, fmt.Errorf("index: cut off the log's torn end: %w", err)
		}
	}
	return l, nil
}

// read replays data, up to its torn end if it has one; l.size is where that is.
func (l *changeLog) read(data []byte, replay func(records []byte) error) error {
	if len(data) < logHeader {
		return fmt.Errorf("it has %d bytes, less than a header's %d", len(data), logHeader)
	}
	head := data[:logHeader-4]
	if string(head[:8]) != logMagic || crc32.Checksum(head, castagnoli) != binary.LittleEndian.Uint32(data[len(head):]) {
		return errors.New("its header is not what was written")
	}
	if v := binary.LittleEndian.Uint32(head[8:]); v != logVersion {
		return fmt.Errorf("it is of version %d; this program reads %d", v, logVersion)
	}
	copy(l.salt[:], head[saltAt:])
	l.size, l.ended = logHeader, true
	for int(l.size) < len(data) {
		rest := data[l.size:]
		n, number, ok := l.head(rest)
		ok = ok && number == l.frames+1 && n <= int64(len(rest)-frameHeader) && sumOf(rest[frameHeader:][:n]) == binary.LittleEndian.Uint32(rest[16:])
		if !ok {
			return l.checkEnd(rest)
		}
		if err := replay(rest[frameHeader:][:n]); err != nil {
			return fmt.Errorf("frame %d: %w", number, err)
		}
		l.size += frameHeader + n
		l.frames, l.ended = number, n == 0
	}
	return nil
}

// head reads a frame's head: the bytes of its records and its number.
func (l *changeLog) head(b []byte) (size int64, number uint64, ok bool) {
	if len(b) < frameHeader || string(b[:4]) != frameMagic || l.headSum(b) != binary.LittleEndian.Uint32(b[20:]) {
		return 0, 0, false
	}
	return int64(binary.LittleEndian.Uint32(b[4:])), binary.LittleEndian.Uint64(b[8:]), true
}

func (l *changeLog) headSum(b []byte) uint32 {
	return crc32.Update(sumOf(l.salt[:]), castagnoli, b[:20])
}

func sumOf(b []byte) uint32 { return crc32.Checksum(b, castagnoli) }

// checkEnd refuses what follows the last frame that is right if there are more frames in it.
func (l *changeLog) checkEnd(rest []byte) error {
	for at := 0; ; at++ {
		next := bytes.Index(rest[min(at, len(rest)):], []byte(frameMagic))
		if next < 0 {
			return nil
		}
		at += next
		if _, number, ok := l.head(rest[at:]); ok && number > l.frames+1 {
			return fmt.Errorf("what is at byte %d is no frame, but frame %d comes %d bytes behind", l.size, number, at)
		}
	}
}

// append makes a frame last: what is to be its head, and records. After an error they are not
// there when the index is opened again, unless the disk fails twice. What a full disk refused may
// be tried again; a disk that failed is not trusted any more.
func (l *changeLog) append(frame []byte) error {
	if l.failed != nil {
		return fmt.Errorf("index: the log cannot be written since an earlier error: %w", l.failed)
	}
	records := frame[frameHeader:]
	copy(frame, frameMagic)
	binary.LittleEndian.PutUint32(frame[4:], uint32(len(records)))
	binary.LittleEndian.PutUint64(frame[8:], l.frames+1)
	binary.LittleEndian.PutUint32(frame[16:], sumOf(records))
	binary.LittleEndian.PutUint32(frame[20:], l.headSum(frame))
	if _, err := l.file.WriteAt(frame, l.size); err != nil {
		if l.undo() != nil {
			l.failed = err
		}
		return fmt.Errorf("index: write log: %w", err)
	}
	if err := l.file.Sync(); err != nil {
		_ = l.undo() // its failing changes nothing of what is said
		l.failed = err
		return fmt.Errorf("index: synchronise log: %w", err)
	}
	l.size += int64(len(frame))
	l.frames++
	l.ended = len(records) == 0
	return nil
}

// undo cuts off what is not certain.
func (l *changeLog) undo() error { return errors.Join(l.file.Truncate(l.size), l.file.Sync()) }

// end says that the index was closed, if it is not said yet: then what is wrong with the log when
// it is opened again was not a crash.
func (l *changeLog) end() error {
	if l.file == nil || l.ended || l.failed != nil {
		return nil
	}
	return l.append(make([]byte, frameHeader))
}

func (l *changeLog) close() error {
	if l.file == nil {
		return nil
	}
	return l.file.Close()
}
