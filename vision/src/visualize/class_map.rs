//! Class maps in colours.

use std::collections::BTreeSet;

use ocelli_data::annotation::ClassMap;
use ocelli_tensor::{Error as TensorError, Tensor};

use super::canvas::{Canvas, Color};
use super::legend::with_legend;
use super::palette::Palette;
use super::style::{Style, opacity};
use crate::host::elements;
use crate::{Error, Result};

const OP: &str = "draw_class_map";

/// Pixels that count for nothing, where no picture lies below.
const IGNORED: Color = [225, 225, 225];

/// Draws the class of every pixel, alone or over a picture, with a legend of the classes that occur.
///
/// ```
/// use ocelli_tensor::{DType, Tensor};
/// use ocelli_vision::visualize::ClassMapPainter;
/// # fn main() -> ocelli_vision::Result<()> {
/// let map = Tensor::new([[0i64, 0, 1], [0, 255, 1]])?;
/// let painter = ClassMapPainter::new();
/// assert_eq!(painter.render(&map)?.shape()[..], [3, 2, 3]);
///
/// let picture = Tensor::zeros([3, 2, 3], DType::U8)?;
/// let legend = painter.class_names(["sky", "sea"]).legend(true);
/// assert!(legend.overlay(&picture, &map)?.shape()[2] > 3);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct ClassMapPainter {
    names: Vec<String>,
    palette: Palette,
    opacity: f64,
    ignored: Option<i64>,
    transparent: Vec<usize>,
    legend: bool,
    style: Style,
}

impl Default for ClassMapPainter {
    fn default() -> Self {
        ClassMapPainter {
            names: Vec::new(),
            palette: Palette::default(),
            opacity: 0.6,
            ignored: Some(i64::from(ClassMap::IGNORE)),
            transparent: Vec::new(),
            legend: false,
            style: Style::default(),
        }
    }
}

impl ClassMapPainter {
    /// The default palette, six tenths of it over a picture, and 255 ignored.
    pub fn new() -> Self {
        ClassMapPainter::default()
    }

    /// The names of the classes by number, for the legend. Others are called by their number.
    #[must_use]
    pub fn class_names<S: Into<String>>(mut self, names: impl IntoIterator<Item = S>) -> Self {
        self.names = names.into_iter().map(Into::into).collect();
        self
    }

    /// The colours.
    #[must_use]
    pub fn palette(mut self, palette: Palette) -> Self {
        self.palette = palette;
        self
    }

    /// How much of the colours is laid over a picture, 0 to 1.
    #[must_use]
    pub fn opacity(mut self, opacity: f64) -> Self {
        self.opacity = opacity;
        self
    }

    /// The class of pixels that count for nothing, if there is one. They let the picture through, and are light grey where there is none.
    #[must_use]
    pub fn ignore(mut self, class: Option<i64>) -> Self {
        self.ignored = class;
        self
    }

    /// Classes that let the picture through, as the background.
    #[must_use]
    pub fn transparent(mut self, classes: impl IntoIterator<Item = usize>) -> Self {
        self.transparent = classes.into_iter().collect();
        self
    }

    /// Whether the classes that occur are listed to the right of the picture.
    #[must_use]
    pub fn legend(mut self, legend: bool) -> Self {
        self.legend = legend;
        self
    }

    /// The height of a line of the legend, in pixels.
    #[must_use]
    pub fn font_size(mut self, pixels: f64) -> Self {
        self.style.font_size = Some(pixels);
        self
    }

    /// The map `[H, W]` of integers in full colours, as `[3, H, W]` of `u8`; with a legend the picture is wider.
    ///
    /// # Errors
    /// Unless shape and dtype are these, the map has pixels, and its classes are ignored or from 0 on.
    pub fn render(&self, map: &Tensor) -> Result<Tensor> {
        let [height, width] = match map.shape()[..] {
            [height, width] if height > 0 && width > 0 => [height, width],
            _ => return Err(TensorError::shape(OP, "a class map of shape [H, W] with pixels", map.shape()).into()),
        };
        self.paint(Canvas::new(width, height, IGNORED)?, map, 1.0, &[])
    }

    /// The picture below the map `[H, W]` of integers. The picture is `[H, W]`, `[1, H, W]` or `[3, H, W]`, of `u8` or of floats in `0..=1`.
    ///
    /// # Errors
    /// As [`ClassMapPainter::render`], and unless the picture is one, finite, and of the map's size.
    pub fn overlay(&self, picture: &Tensor, map: &Tensor) -> Result<Tensor> {
        self.paint(Canvas::of_picture(OP, picture)?, map, opacity(OP, self.opacity)?, &self.transparent)
    }

    /// The picture below a data set's map; otherwise as [`ClassMapPainter::overlay`].
    ///
    /// ```
    /// use ocelli_data::annotation::ClassMap;
    /// use ocelli_tensor::{DType, Tensor};
    /// use ocelli_vision::visualize::ClassMapPainter;
    /// # fn main() -> ocelli_vision::Result<()> {
    /// let map = ClassMap::new([1, 2], vec![1, ClassMap::IGNORE])?;
    /// let picture = Tensor::full([1, 1, 2], 50, DType::U8)?;
    /// let drawn = ClassMapPainter::new().opacity(1.0).overlay_labels(&picture, &map)?;
    /// assert_eq!(drawn.select(2, 1)?.to_vec::<u8>()?, [50; 3]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`ClassMapPainter::overlay`].
    pub fn overlay_labels(&self, picture: &Tensor, map: &ClassMap) -> Result<Tensor> {
        let classes = map.classes().iter().map(|&class| i32::from(class)).collect();
        self.overlay(picture, &Tensor::from_vec::<i32>(classes, map.size())?)
    }

    fn paint(&self, mut canvas: Canvas, map: &Tensor, amount: f32, transparent: &[usize]) -> Result<Tensor> {
        let (height, width) = (canvas.height(), canvas.width());
        if map.shape()[..] != [height, width] {
            let expected = format!("a class map of the picture's size, shape [{height}, {width}]");
            return Err(TensorError::shape(OP, expected, map.shape()).into());
        }
        if !map.dtype().is_integer() {
            return Err(TensorError::dtype(OP, "classes of an integer dtype", map.dtype()).into());
        }
        let font_size = self.style.font_size(OP, &canvas)?;
        let mut found = BTreeSet::new();
        for (i, &class) in elements::<i64>(map)?.iter().enumerate() {
            if self.ignored == Some(class) {
                continue;
            }
            let Ok(class) = usize::try_from(class) else {
                return Err(Error::argument(OP, format!("expected classes from 0 on, received {class}")));
            };
            found.insert(class);
            if !transparent.contains(&class) {
                canvas.blend(i % width, i / width, self.palette.color(class), amount);
            }
        }
        if !self.legend {
            return canvas.into_tensor();
        }
        let named = |class: usize| {
            let name = self.names.get(class).cloned().unwrap_or_else(|| class.to_string());
            (self.palette.color(class), name, String::new())
        };
        let entries: Vec<_> = found.into_iter().filter(|class| !transparent.contains(class)).map(named).collect();
        with_legend(&canvas, &entries, font_size)?.into_tensor()
    }
}

#[cfg(test)]
mod tests {
    use ocelli_tensor::DType;

    use super::*;

    #[test]
    fn classes_have_their_colors() {
        let map = Tensor::new([[2i64, 255], [-7, 0]]).unwrap();
        let painter = ClassMapPainter::new();
        assert!(painter.render(&map).unwrap_err().to_string().contains("received -7"));
        let map = Tensor::new([[2u8, 255], [1, 0]]).unwrap();
        let palette = Palette::default();
        let at = |picture: &Tensor, y: isize, x: isize| {
            picture.select(1, y).unwrap().select(1, x).unwrap().to_vec::<u8>().unwrap()
        };
        let drawn = painter.render(&map).unwrap();
        assert_eq!(at(&drawn, 0, 0), palette.color(2));
        assert_eq!(at(&drawn, 0, 1), IGNORED);
        let picture = Tensor::full([2, 2], 100, DType::U8).unwrap();
        let drawn = painter.clone().opacity(1.0).transparent([0]).overlay(&picture, &map).unwrap();
        assert_eq!((at(&drawn, 0, 1), at(&drawn, 1, 1)), (vec![100; 3], vec![100; 3]));
        assert_eq!(at(&drawn, 1, 0), palette.color(1));
        for wrong in
            [Tensor::zeros([2, 3], DType::U8), Tensor::zeros([2, 2], DType::F32), Tensor::zeros([4], DType::U8)]
        {
            assert!(painter.overlay(&picture, &wrong.unwrap()).is_err());
        }
        assert!(painter.render(&Tensor::zeros([0, 2], DType::U8).unwrap()).is_err());
        assert!(painter.opacity(2.0).overlay(&picture, &map).is_err());
    }

    #[test]
    fn legends_name_what_occurs() {
        let map = Tensor::from_vec((0..100 * 20).map(|i| i % 60).collect::<Vec<i64>>(), [100, 20]).unwrap();
        let painter = ClassMapPainter::new().legend(true).class_names(["a", "b"]);
        let drawn = painter.render(&map).unwrap();
        assert!(drawn.shape()[1] >= 100 && drawn.shape()[2] > 60, "{:?}", drawn.shape());
        let one = Tensor::zeros([1, 1], DType::U8).unwrap();
        assert!(painter.render(&one).unwrap().shape()[1] > 8, "a line has room");
        assert!(painter.ignore(Some(0)).render(&one).unwrap().shape()[2] >= 1);
    }
}
