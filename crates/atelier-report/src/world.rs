//! What Typst may see: the report's own sources, the results and the figures. No disk, no network, no fonts of the
//! machine, no clock.

use std::collections::HashMap;
use std::sync::LazyLock;

use typst::diag::{FileError, FileResult};
use typst::foundations::{Bytes, Datetime, Duration};
use typst::syntax::{FileId, RootedPath, Source, VirtualPath, VirtualRoot};
use typst::text::{Font, FontBook, FontVariant};
use typst::utils::LazyHash;
use typst::{Feature, Library, LibraryExt as _, World};
use typst_kit::fonts::{FontStore, embedded};

use crate::{Error, Result};

static FONTS: LazyLock<FontStore> = LazyLock::new(|| {
    let mut fonts = FontStore::new();
    fonts.extend(embedded());
    fonts
});

/// The file of the font that formulas are set in.
pub(crate) fn font_of_formulas() -> Option<Bytes> {
    let regular = |font: &Font| font.info().variant == FontVariant::default();
    (0..)
        .map_while(|index| FONTS.font(index))
        .find(|font| font.info().family == "New Computer Modern Math" && regular(font))
        .map(|font| font.data().clone())
}

/// Files in memory.
pub(crate) struct Memory {
    library: LazyHash<Library>,
    main: FileId,
    files: HashMap<FileId, Bytes>,
}

impl Memory {
    /// A world of these files, by their paths; `main` is the document.
    pub(crate) fn new(
        main: &str,
        files: impl IntoIterator<Item = (String, Bytes)>,
    ) -> Result<Self> {
        let features = [Feature::Html].into_iter().collect();
        let library = LazyHash::new(Library::builder().with_features(features).build());
        let files = files.into_iter().map(|(path, bytes)| Ok((id(&path)?, bytes)));
        Ok(Self { library, main: id(main)?, files: files.collect::<Result<_>>()? })
    }
}

fn id(path: &str) -> Result<FileId> {
    let path = VirtualPath::new(path)
        .map_err(|error| Error::Typesetting(format!("{path} names no file: {error:?}")))?;
    Ok(FileId::new(RootedPath::new(VirtualRoot::Project, path)))
}

impl World for Memory {
    fn library(&self) -> &LazyHash<Library> {
        &self.library
    }

    fn book(&self) -> &LazyHash<FontBook> {
        FONTS.book()
    }

    fn main(&self) -> FileId {
        self.main
    }

    fn source(&self, id: FileId) -> FileResult<Source> {
        let bytes = self.file(id)?;
        let text = std::str::from_utf8(&bytes).map_err(|_| FileError::InvalidUtf8)?;
        Ok(Source::new(id, text.to_owned()))
    }

    fn file(&self, id: FileId) -> FileResult<Bytes> {
        let path = || id.get().vpath().get_without_slash().into();
        self.files.get(&id).cloned().ok_or_else(|| FileError::NotFound(path()))
    }

    fn font(&self, index: usize) -> Option<Font> {
        FONTS.font(index)
    }

    fn today(&self, _offset: Option<Duration>) -> Option<Datetime> {
        None
    }
}
