//! PNG, and what is passed off as a picture.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::ZlibEncoder;

use super::{Seed, seed};

pub fn seeds() -> Vec<Seed> {
    let picture = |name: &str, bytes: Vec<u8>| seed("picture", name, bytes);
    let grey = |width, height, data: Vec<u8>| png(width, height, 8, 0, &[], &deflated(&data));
    // A zero before each row says that it is not filtered.
    let rows = |width: usize, height: usize| vec![0; (width + 1) * height];
    let small = grey(3, 2, vec![0, 0, 128, 255, 0, 255, 128, 0]);
    let mut checksum = small.clone();
    checksum[29] ^= 1;
    let mut jpeg = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00".to_vec();
    // A frame of 65535 x 65535 without data.
    jpeg.extend(b"\xff\xc0\x00\x0b\x08\xff\xff\xff\xff\x01\x01\x11\x00\xff\xda\x00\x08\x01\x01\x00\x00\x3f\x00\xff\xd9");
    let profile = [&b"icc\0\0"[..], &deflated(&vec![0; 16 << 20])].concat();
    let text = [&b"Comment\0\0"[..], &deflated(&vec![b'a'; 16 << 20])].concat();
    vec![
        picture("good.png", small.clone()),
        picture("good-one-pixel.png", grey(1, 1, vec![0, 7])),
        picture("good-long.png", grey(16_384, 1, rows(16_384, 1))),
        picture("bad-long.png", grey(100_000, 1, rows(100_000, 1))),
        picture("good-flat.png", grey(2000, 2000, rows(2000, 2000))),
        picture("good-colour-16.png", png(2, 1, 16, 6, &[], &deflated(&[0; 17]))),
        picture("good-text-bomb.png", png(1, 1, 8, 0, &[(*b"zTXt", &text)], &deflated(&[0, 7]))),
        // Half of what is right in one byte a pixel.
        picture("bad-bytes.png", png(6000, 5000, 16, 6, &[], &deflated(&[0; 100]))),
        picture("bad-pixels.png", grey(30_000, 30_000, vec![0; 100])),
        picture("bad-pixels-overflow.png", grey(u32::MAX >> 1, u32::MAX >> 1, vec![0; 100])),
        picture("bad-none.png", grey(0, 5, vec![])),
        picture("bad-short.png", grey(2000, 2000, vec![0; 100])),
        picture("bad-cut.png", small[..small.len() - 20].to_vec()),
        picture("bad-checksum.png", checksum),
        picture("bad-depth.png", png(1, 1, 3, 0, &[], &deflated(&[0, 7]))),
        picture("bad-palette.png", png(1, 1, 8, 3, &[], &deflated(&[0, 7]))),
        picture(
            "fuzz-profile-bomb.png",
            png(1, 1, 8, 0, &[(*b"iCCP", &profile)], &deflated(&[0, 7])),
        ),
        picture("bad-head-alone.png", small[..8].to_vec()),
        picture("bad-frame.jpg", jpeg),
        picture("bad-jpeg-head.jpg", b"\xff\xd8\xff".to_vec()),
        picture("bad-gif.png", b"GIF89a\x01\x00\x01\x00\x00\x00\x00;".to_vec()),
        picture("bad-svg.png", b"<svg xmlns='http://www.w3.org/2000/svg'/>".to_vec()),
        picture("bad-empty.png", Vec::new()),
    ]
}

fn deflated(data: &[u8]) -> Vec<u8> {
    let mut packed = ZlibEncoder::new(Vec::new(), Compression::best());
    packed.write_all(data).expect("memory");
    packed.finish().expect("memory")
}

fn png(
    width: u32,
    height: u32,
    depth: u8,
    colour: u8,
    more: &[([u8; 4], &[u8])],
    data: &[u8],
) -> Vec<u8> {
    let mut bytes = b"\x89PNG\r\n\x1a\n".to_vec();
    let mut header = [width.to_be_bytes(), height.to_be_bytes()].concat();
    header.extend([depth, colour, 0, 0, 0]);
    chunk(&mut bytes, *b"IHDR", &header);
    for (kind, content) in more {
        chunk(&mut bytes, *kind, content);
    }
    chunk(&mut bytes, *b"IDAT", data);
    chunk(&mut bytes, *b"IEND", &[]);
    bytes
}

fn chunk(bytes: &mut Vec<u8>, kind: [u8; 4], content: &[u8]) {
    bytes.extend(u32::try_from(content.len()).expect("a short chunk").to_be_bytes());
    let mut sum = flate2::Crc::new();
    sum.update(&kind);
    sum.update(content);
    bytes.extend(kind);
    bytes.extend(content);
    bytes.extend(sum.sum().to_be_bytes());
}
