//! G.711: 16-bit linear samples to 8 bits and back, by mu-law and A-law (ITU-T G.711, 1988).
//!
//! Both laws keep a sign, a segment (a power of two) and four bits within it. Linear samples are 16
//! bits wide here; the standard's are 14 (mu) and 13 (A), so the lowest two or three bits count for
//! nothing.

/// Which of the two laws.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Law {
    /// mu-law: PCMU, payload type 0 (RFC 3551).
    Mu,
    /// A-law: PCMA, payload type 8 (RFC 3551).
    A,
}

impl Law {
    /// Both, the one we like better first.
    pub const ALL: [Law; 2] = [Law::Mu, Law::A];

    /// One sample to its 8 bits.
    pub const fn encode(self, sample: i16) -> u8 {
        match self {
            Law::Mu => encode_mu(sample),
            Law::A => encode_a(sample),
        }
    }

    /// 8 bits to the sample in the middle of their step.
    pub const fn decode(self, code: u8) -> i16 {
        match self {
            Law::Mu => decode_mu(code),
            Law::A => decode_a(code),
        }
    }

    /// The code of silence.
    pub const fn silence(self) -> u8 {
        self.encode(0)
    }

    /// The codes of `to` by the codes of this law; `None` if they are the same.
    pub fn conversion(self, to: Law) -> Option<&'static [u8; 256]> {
        match (self, to) {
            (Law::Mu, Law::A) => Some(&MU_TO_A),
            (Law::A, Law::Mu) => Some(&A_TO_MU),
            (Law::Mu, Law::Mu) | (Law::A, Law::A) => None,
        }
    }
}

static MU_TO_A: [u8; 256] = conversion(Law::Mu, Law::A);
static A_TO_MU: [u8; 256] = conversion(Law::A, Law::Mu);

/// Each code becomes the one whose step holds its sample.
const fn conversion(from: Law, to: Law) -> [u8; 256] {
    let mut table = [0; 256];
    let mut code = 0;
    while code < 256 {
        table[code] = to.encode(from.decode(code as u8));
        code += 1;
    }
    table
}

/// Added before the segment is sought, so that segments begin at powers of two.
const MU_BIAS: i32 = 0x84;
const MU_CLIP: i32 = 0x7fff - MU_BIAS;

const fn encode_mu(sample: i16) -> u8 {
    let sign = if sample < 0 { 0x80 } else { 0 };
    let size = (sample as i32).abs();
    let biased = (if size > MU_CLIP { MU_CLIP } else { size }) + MU_BIAS;
    let segment = biased.ilog2() - 7;
    let step = (biased >> (segment + 3)) & 0x0f;
    !(sign | (segment << 4) as u8 | step as u8)
}

const fn decode_mu(code: u8) -> i16 {
    let code = !code;
    let step = ((code & 0x0f) as i32) << 3;
    let size = ((step + MU_BIAS) << ((code >> 4) & 7)) - MU_BIAS;
    (if code & 0x80 != 0 { -size } else { size }) as i16
}

/// Every other bit is inverted on the line.
const A_TOGGLE: u8 = 0x55;

const fn encode_a(sample: i16) -> u8 {
    // The negative half is the mirror of the positive one about -1/2, not about 0.
    let (sign, size) = if sample < 0 { (0, !sample >> 3) } else { (0x80, sample >> 3) };
    let code = if size < 0x20 {
        (size >> 1) as u8
    } else {
        let segment = size.ilog2() - 4;
        (segment << 4) as u8 | ((size >> segment) & 0x0f) as u8
    };
    (sign | code) ^ A_TOGGLE
}

const fn decode_a(code: u8) -> i16 {
    let code = code ^ A_TOGGLE;
    let step = ((code & 0x0f) as i32) << 4;
    let size = match (code >> 4) & 7 {
        0 => step + 0x08,
        segment => (step + 0x108) << (segment - 1),
    };
    (if code & 0x80 != 0 { size } else { -size }) as i16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_have_the_values_of_the_standard() {
        let table = [
            (Law::Mu, 0xff, 0),
            (Law::Mu, 0x7f, 0),
            (Law::Mu, 0xfe, 8),
            (Law::Mu, 0xf0, 120),
            (Law::Mu, 0xef, 132),
            (Law::Mu, 0x80, 32_124),
            (Law::Mu, 0x00, -32_124),
            (Law::A, 0xd5, 8),
            (Law::A, 0x55, -8),
            (Law::A, 0xd4, 24),
            (Law::A, 0xc5, 264),
            (Law::A, 0xaa, 32_256),
            (Law::A, 0x2a, -32_256),
        ];
        for (law, code, sample) in table {
            assert_eq!(law.decode(code), sample, "{law:?} {code:#x}");
        }
        assert_eq!((Law::Mu.silence(), Law::A.silence()), (0xff, 0xd5));
    }

    #[test]
    fn every_code_comes_back() {
        for law in Law::ALL {
            for code in 0..=255u8 {
                // mu-law has two zeros; the positive one is sent.
                let expected = if law == Law::Mu && code == 0x7f { 0xff } else { code };
                assert_eq!(law.encode(law.decode(code)), expected, "{law:?} {code:#x}");
            }
        }
    }

    #[test]
    fn a_converted_code_meets_the_step_of_the_other_law() {
        for (from, to) in [(Law::Mu, Law::A), (Law::A, Law::Mu)] {
            let table = from.conversion(to).unwrap();
            for code in 0..=255u8 {
                let (meant, heard) = (from.decode(code), to.decode(table[usize::from(code)]));
                let size = i32::from(meant).abs();
                let error = (i32::from(heard) - i32::from(meant)).abs();
                assert!(error <= (size / 32).max(8) + 8, "{from:?} {code:#x} {meant} {heard}");
            }
        }
        assert_eq!(Law::Mu.conversion(Law::A).unwrap()[0xff], Law::A.silence());
        assert_eq!((Law::Mu.conversion(Law::Mu), Law::A.conversion(Law::A)), (None, None));
    }

    #[test]
    fn every_sample_meets_the_nearest_step_and_order_is_kept() {
        for law in Law::ALL {
            let mut previous = i16::MIN;
            for sample in i16::MIN..=i16::MAX {
                let heard = law.decode(law.encode(sample));
                assert!(heard >= previous, "{law:?} {sample}");
                previous = heard;
                // A step is 1/16 of its segment, at least 16; clipping costs 644 at the very end.
                let size = i32::from(sample).abs();
                let bound = if size > 32_124 { 644 } else { (size / 16 / 2).max(8) + 8 };
                let error = (i32::from(heard) - i32::from(sample)).abs();
                assert!(error <= bound, "{law:?} {sample} {heard}");
            }
        }
    }
}
