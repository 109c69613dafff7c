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

	"github.com/energo-ml/energo/internal/mapped"
	"github.com/energo-ml/energo/internal/wholefile"
)

// A log holds the changes since the last segment was written. It is a header, which has a salt, and frames: all
// changes that were made last by one synchronisation. Both are whole sectors of a disk, with zeros behind what they
// hold, so that writing a frame touches no sector of another.
//
//	header: magic, version, salt; checksum at its end
//	frame:  magic, bytes of the records, number, sectors of zeros, checksum of what is behind the head,
//	        checksum of the salt and the head so far; records
//
// Frames are numbered from 1. What the manifest says was there when the index was closed must be there, and at any time
// one frame at most is not yet certain, the last. That is torn if it is shorter than its head says, or if more of its
// sectors are zeros than were meant to be: then a crash cut off its writing, and it was never acknowledged. A frame with
// all of its sectors whose checksum is wrong is damage. The salt makes sure that a vector or a text that looks like
// a frame is not one.
const (
	logMagic    = "energoLG"
	logVersion  = 2
	sectorSize  = 512 // a disk writes a sector whole or not at all
	logHeader   = sectorSize
	saltAt      = 12
	frameMagic  = "frm\xb5"
	frameHeader = 4 + 4 + 8 + 4 + 4 + 4
)

// changeLog is a log that is being written.
type changeLog struct {
	file    *os.File // nil: for reading only
	name    string
	salt    [16]byte
	size    int64 // of the header and the frames that are certain
	frames  uint64
	dropped string // what was behind them when it was opened; "" is nothing
	failed  error  // of a write: nothing is certain of the file's end
}

// createLog writes an empty log.
func createLog(dir, name string) error {
	var salt [16]byte
	_, _ = rand.Read(salt[:]) // never fails
	return wholefile.Write(filepath.Join(dir, name), logHead(salt))
}

// logHead returns the header of a log.
func logHead(salt [16]byte) []byte {
	b := make([]byte, logHeader-4, logHeader)
	copy(b, logMagic)
	binary.LittleEndian.PutUint32(b[8:], logVersion)
	copy(b[saltAt:], salt[:])
	return binary.LittleEndian.AppendUint32(b, sumOf(b))
}

// openLog calls replay with the records of each frame, and unless it is for reading only cuts off a torn one at
// the end, and is ready to append. closed is the log's length when the index was last closed.
func openLog(dir, name string, closed int64, readOnly bool, replay func(records []byte) error) (*changeLog, error) {
	path := filepath.Join(dir, name)
	data, unmap, err := logBytes(path, readOnly)
	if err != nil {
		return nil, openError(dir, name, err)
	}
	l := &changeLog{name: name}
	err = l.read(data, closed, replay)
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
	if l.dropped != "" {
		if err := l.undo(); err != nil {
			l.file.Close()
			return nil, fmt.Errorf("index: cut off the log's torn end: %w", err)
		}
	}
	return l, nil
}

// logBytes returns a log's bytes. Of a log that another process may cut off, nothing is mapped.
func logBytes(path string, changing bool) (data []byte, unmap func(), err error) {
	if !changing {
		return mapped.Open(path)
	}
	data, err = os.ReadFile(path)
	return data, func() {}, err
}

// read replays data, up to its torn end if it has one; l.size is where that is.
func (l *changeLog) read(data []byte, closed int64, replay func(records []byte) error) error {
	if len(data) < logHeader {
		return fmt.Errorf("it has %d bytes, less than a header's %d", len(data), logHeader)
	}
	if string(data[:8]) != logMagic || sumOf(data[:logHeader-4]) != binary.LittleEndian.Uint32(data[logHeader-4:]) {
		return errors.New("its header is not what was written")
	}
	if v := binary.LittleEndian.Uint32(data[8:]); v != logVersion {
		return fmt.Errorf("it is of version %d; this program reads %d", v, logVersion)
	}
	if int64(len(data)) < closed {
		return fmt.Errorf("it has %d bytes; when the index was closed it had %d", len(data), closed)
	}
	copy(l.salt[:], data[saltAt:])
	l.size = logHeader
	for int(l.size) < len(data) {
		rest := data[l.size:]
		h, err := l.check(rest)
		if errors.Is(err, errTorn) && l.size >= closed {
			l.dropped = fmt.Sprintf("%d bytes at the end of %s: a crash cut off the writing of frame %d, which was not acknowledged", len(rest), l.name, l.frames+1)
			return nil
		}
		if err == nil {
			err = replay(rest[frameHeader:][:h.records])
		}
		if err != nil {
			return fmt.Errorf("frame %d, at byte %d: %w", l.frames+1, l.size, err)
		}
		l.size += h.size()
		l.frames++
	}
	return nil
}

// frameHead is the head of a frame.
type frameHead struct {
	records int64  // bytes
	number  uint64 // of the frame
	zeros   int    // sectors of the frame that are zeros
	sum     uint32 // of what is behind the head
}

// size is that of the whole frame.
func (h frameHead) size() int64 { return wholeSectors(frameHeader + h.records) }

func wholeSectors(n int64) int64 { return (n + sectorSize - 1) / sectorSize * sectorSize }

// head reads a frame's head.
func (l *changeLog) head(b []byte) (h frameHead, ok bool) {
	if len(b) < frameHeader || string(b[:4]) != frameMagic || l.headSum(b) != binary.LittleEndian.Uint32(b[24:]) {
		return h, false
	}
	return frameHead{
		int64(binary.LittleEndian.Uint32(b[4:])), binary.LittleEndian.Uint64(b[8:]),
		int(binary.LittleEndian.Uint32(b[16:])), binary.LittleEndian.Uint32(b[20:]),
	}, true
}

func (l *changeLog) headSum(b []byte) uint32 {
	return crc32.Update(sumOf(l.salt[:]), castagnoli, b[:24])
}

func sumOf(b []byte) uint32 { return crc32.Checksum(b, castagnoli) }

// errTorn is for a frame whose writing a crash cut off.
var errTorn = errors.New("it is not whole")

// check returns the head of the frame that rest begins with. The error is errTorn where nothing but a torn frame is
// left, and otherwise says what is damaged.
func (l *changeLog) check(rest []byte) (h frameHead, err error) {
	if len(rest) < sectorSize {
		return h, errTorn
	}
	h, ok := l.head(rest)
	switch {
	case !ok && zeroSectors(rest[:sectorSize]) == 1 && !l.frameIn(rest):
		return h, errTorn
	case !ok:
		return h, errors.New("its head is not what was written")
	case h.number != l.frames+1:
		return h, fmt.Errorf("it has the number %d", h.number)
	case h.size() > int64(len(rest)):
		return h, errTorn
	}
	frame := rest[:h.size()]
	switch {
	case sumOf(frame[frameHeader:]) == h.sum:
		return h, nil
	case len(rest) == len(frame) && zeroSectors(frame) > h.zeros:
		return h, errTorn
	}
	return h, errors.New("its records are not what was written")
}

// zeroSectors counts the sectors of b that are zeros.
func zeroSectors(b []byte) (n int) {
	var zeros [sectorSize]byte
	for ; len(b) > 0; b = b[sectorSize:] {
		if bytes.Equal(b[:sectorSize], zeros[:]) {
			n++
		}
	}
	return n
}

// frameIn tells whether a frame begins in rest.
func (l *changeLog) frameIn(rest []byte) bool {
	for ; len(rest) >= sectorSize; rest = rest[sectorSize:] {
		if _, ok := l.head(rest); ok {
			return true
		}
	}
	return false
}

// append makes a frame last: what is to be its head, and records. After an error they are not
// there when the index is opened again, unless the disk fails twice. What a full disk refused may
// be tried again; a disk that failed is not trusted any more.
func (l *changeLog) append(frame []byte) error {
	if l.failed != nil {
		return fmt.Errorf("index: the log cannot be written since an earlier error: %w", l.failed)
	}
	frame = l.seal(frame)
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
	return nil
}

// seal fills in the head of the next frame, and makes it whole sectors.
func (l *changeLog) seal(frame []byte) []byte {
	records := len(frame) - frameHeader
	frame = append(frame, make([]byte, wholeSectors(int64(len(frame)))-int64(len(frame)))...)
	copy(frame, frameMagic)
	binary.LittleEndian.PutUint32(frame[4:], uint32(records))
	binary.LittleEndian.PutUint64(frame[8:], l.frames+1)
	binary.LittleEndian.PutUint32(frame[16:], uint32(zeroSectors(frame)))
	binary.LittleEndian.PutUint32(frame[20:], sumOf(frame[frameHeader:]))
	binary.LittleEndian.PutUint32(frame[24:], l.headSum(frame))
	return frame
}

// undo cuts off what is not certain.
func (l *changeLog) undo() error { return errors.Join(l.file.Truncate(l.size), l.file.Sync()) }

func (l *changeLog) close() error {
	if l.file == nil {
		return nil
	}
	return l.file.Close()
}
