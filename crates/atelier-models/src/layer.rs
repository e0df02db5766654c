/// One line of a network's summary table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layer {
    /// PyTorch's name of the module, such as `net.0`.
    pub name: String,
    /// What it is, such as `Linear 784 to 50`.
    pub kind: String,
    /// Features of its output.
    pub outputs: usize,
    /// Trainable parameters.
    pub parameters: usize,
}

impl Layer {
    pub(crate) fn new(
        name: impl Into<String>,
        kind: impl Into<String>,
        outputs: usize,
        parameters: usize,
    ) -> Self {
        Self { name: name.into(), kind: kind.into(), outputs, parameters }
    }

    /// The name of PyTorch's class, such as `Linear`.
    #[must_use]
    pub fn module(&self) -> &str {
        self.kind.split(' ').next().unwrap_or_default()
    }

    /// Bytes that the parameters take in memory and in a file.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.parameters * size_of::<f32>()
    }
}
