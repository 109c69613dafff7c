package picture

import "encoding/binary"

// orientation returns how a TIFF header, as EXIF has it, says that the picture is to be turned, from 1 to 8; 1 where it says
// nothing, or nothing of sense.
func orientation(exif []byte) int {
	if len(exif) > 6 && string(exif[:6]) == "Exif\x00\x00" { // as JPEG has it before the header, and some WebP
		exif = exif[6:]
	}
	if len(exif) < 8 {
		return 1
	}
	var order binary.ByteOrder = binary.LittleEndian
	if exif[0] == 'M' {
		order = binary.BigEndian
	}
	first := order.Uint32(exif[4:])
	if uint64(first)+2 > uint64(len(exif)) {
		return 1
	}
	entries := exif[first+2:]
	for range order.Uint16(exif[first:]) {
		if len(entries) < 12 {
			break
		}
		if order.Uint16(entries) == tagOrientation {
			if v := int(order.Uint16(entries[8:])); v >= 1 && v <= 8 {
				return v
			}
			break
		}
		entries = entries[12:]
	}
	return 1
}
