//! Uncompressed pictures.

use super::DecodeError;
use crate::frame::{Chroma, Encoding, Frame};
use yuv::{YuvBiPlanarImage, YuvConversionMode, YuvPackedImage, YuvPlanarImage, YuvRange, YuvStandardMatrix};

/// Converts `frame.bytes` to RGB. Cameras and Y4M use the limited range of BT.601 unless they say otherwise.
pub(super) fn decode(frame: &mut Frame) -> Result<(), DecodeError> {
    let (width, height) = (frame.width, frame.height);
    let (w, h) = (width as usize, height as usize);
    let needed = match frame.encoding {
        Encoding::Yuyv | Encoding::Uyvy => w * h * 2,
        Encoding::Nv12 => w * h + 2 * w.div_ceil(2) * h.div_ceil(2),
        Encoding::Planar(chroma) => w * h + 2 * chroma_size(chroma, w, h).0 * chroma_size(chroma, w, h).1,
        Encoding::Gray => w * h,
        Encoding::Rgb | Encoding::Bgr => w * h * 3,
        Encoding::Jpeg | Encoding::PictureFile => unreachable!("decoded elsewhere"),
    };
    if w == 0 || h == 0 || frame.bytes.len() < needed {
        return Err(DecodeError::Short { got: frame.bytes.len(), needed, width, height });
    }
    if frame.encoding == Encoding::Rgb {
        frame.bytes.truncate(needed);
        frame.adopt_bytes(width, height);
        return Ok(());
    }
    let bytes = &frame.bytes[..needed];
    frame.picture.resize(width, height);
    let rgb = &mut frame.picture.pixels[..];
    let (range, matrix) = (YuvRange::Limited, YuvStandardMatrix::Bt601);
    match frame.encoding {
        Encoding::Yuyv | Encoding::Uyvy => {
            let packed = YuvPackedImage { yuy: bytes, yuy_stride: width * 2, width, height };
            let convert =
                if frame.encoding == Encoding::Yuyv { yuv::yuyv422_to_rgb } else { yuv::uyvy422_to_rgb };
            convert(&packed, rgb, width * 3, range, matrix)?;
        }
        Encoding::Nv12 => {
            let (y_plane, uv_plane) = bytes.split_at(w * h);
            let planes = YuvBiPlanarImage {
                y_plane,
                y_stride: width,
                uv_plane,
                uv_stride: width.div_ceil(2) * 2,
                width,
                height,
            };
            yuv::yuv_nv12_to_rgb(&planes, rgb, width * 3, range, matrix, YuvConversionMode::Balanced)?;
        }
        Encoding::Planar(chroma) => {
            let (chroma_width, chroma_height) = chroma_size(chroma, w, h);
            let (y_plane, rest) = bytes.split_at(w * h);
            let (u_plane, v_plane) = rest.split_at(chroma_width * chroma_height);
            let stride = chroma_width as u32;
            let planes = YuvPlanarImage {
                y_plane,
                y_stride: width,
                u_plane,
                u_stride: stride,
                v_plane,
                v_stride: stride,
                width,
                height,
            };
            match chroma {
                Chroma::C420 => yuv::yuv420_to_rgb(&planes, rgb, width * 3, range, matrix)?,
                Chroma::C422 => yuv::yuv422_to_rgb(&planes, rgb, width * 3, range, matrix)?,
                Chroma::C444 => yuv::yuv444_to_rgb(&planes, rgb, width * 3, range, matrix)?,
            }
        }
        Encoding::Gray => rgb.chunks_exact_mut(3).zip(bytes).for_each(|(pixel, &y)| pixel.fill(y)),
        Encoding::Bgr => rgb
            .chunks_exact_mut(3)
            .zip(bytes.chunks_exact(3))
            .for_each(|(to, from)| to.copy_from_slice(&[from[2], from[1], from[0]])),
        Encoding::Rgb | Encoding::Jpeg | Encoding::PictureFile => unreachable!("decoded elsewhere"),
    }
    Ok(())
}

fn chroma_size(chroma: Chroma, width: usize, height: usize) -> (usize, usize) {
    match chroma {
        Chroma::C420 => (width.div_ceil(2), height.div_ceil(2)),
        Chroma::C422 => (width.div_ceil(2), height),
        Chroma::C444 => (width, height),
    }
}
