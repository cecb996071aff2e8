//! Sizes of feature maps stored channels last, and of windows.

/// A batch of feature maps in memory order `[samples, height, width, channels]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MapShape {
    /// Samples.
    pub n: usize,
    /// Rows.
    pub h: usize,
    /// Columns.
    pub w: usize,
    /// Channels.
    pub c: usize,
}

impl MapShape {
    /// Number of values per sample.
    pub fn sample_len(&self) -> usize {
        self.h * self.w * self.c
    }

    /// Number of values in the batch.
    pub fn len(&self) -> usize {
        self.n * self.sample_len()
    }

    /// Whether there are no values.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The four sizes in memory order.
    pub fn dims(&self) -> [usize; 4] {
        [self.n, self.h, self.w, self.c]
    }
}

/// The square window of a convolution or pooling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Side in pixels.
    pub kernel: usize,
    /// Stride in pixels.
    pub stride: usize,
    /// Padding on each side, in pixels.
    pub padding: usize,
}

impl Window {
    /// A window of side `kernel` with the padding that keeps the size at stride 1 (for odd sides).
    pub fn same(kernel: usize, stride: usize) -> Self {
        Self { kernel, stride, padding: kernel / 2 }
    }

    /// A window of side `kernel` without padding.
    pub fn valid(kernel: usize, stride: usize) -> Self {
        Self { kernel, stride, padding: 0 }
    }

    /// Number of positions of the window along `extent` pixels.
    pub fn outputs(&self, extent: usize) -> usize {
        (extent + 2 * self.padding).saturating_sub(self.kernel) / self.stride + 1
    }

    /// The shape of the output for maps of shape `x`, with `channels` output channels.
    pub fn output(&self, x: MapShape, channels: usize) -> MapShape {
        MapShape { n: x.n, h: self.outputs(x.h), w: self.outputs(x.w), c: channels }
    }

    /// For a window that starts at `start - padding` along `extent` pixels: the offsets in the window that are on
    /// pixels, and the pixel of the first of these offsets.
    pub fn inside(&self, start: usize, extent: usize) -> (std::ops::Range<usize>, usize) {
        let first = self.padding.saturating_sub(start).min(self.kernel);
        let last = (extent + self.padding).saturating_sub(start).min(self.kernel).max(first);
        (first..last, (start + first).saturating_sub(self.padding))
    }
}
