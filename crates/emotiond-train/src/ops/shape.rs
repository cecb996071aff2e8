//! Sizes of feature maps stored channels last, and of the windows that slide over them.

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
    /// Values of one sample.
    pub fn sample_len(&self) -> usize {
        self.h * self.w * self.c
    }

    /// Values of the batch.
    pub fn len(&self) -> usize {
        self.n * self.sample_len()
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The four numbers in memory order.
    pub fn dims(&self) -> [usize; 4] {
        [self.n, self.h, self.w, self.c]
    }
}

/// A square window: of a convolution or of pooling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Side in pixels.
    pub kernel: usize,
    /// Step in pixels.
    pub stride: usize,
    /// Pixels of border on each side.
    pub padding: usize,
}

impl Window {
    /// A window of side `kernel` that keeps the size at stride 1 (for odd sides).
    pub fn same(kernel: usize, stride: usize) -> Self {
        Self { kernel, stride, padding: kernel / 2 }
    }

    /// A window of side `kernel` without a border.
    pub fn valid(kernel: usize, stride: usize) -> Self {
        Self { kernel, stride, padding: 0 }
    }

    /// Places that the window takes along `extent` pixels.
    pub fn outputs(&self, extent: usize) -> usize {
        (extent + 2 * self.padding).saturating_sub(self.kernel) / self.stride + 1
    }

    /// What the window makes of maps of shape `x` when there are `channels` of output.
    pub fn output(&self, x: MapShape, channels: usize) -> MapShape {
        MapShape { n: x.n, h: self.outputs(x.h), w: self.outputs(x.w), c: channels }
    }

    /// The offsets inside the window that fall on pixels, when its first pixel lies at `start - padding` of
    /// `extent`; with the pixel on which the first of them falls.
    pub fn inside(&self, start: usize, extent: usize) -> (std::ops::Range<usize>, usize) {
        let first = self.padding.saturating_sub(start).min(self.kernel);
        let last = (extent + self.padding).saturating_sub(start).min(self.kernel).max(first);
        (first..last, (start + first).saturating_sub(self.padding))
    }
}
