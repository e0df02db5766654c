/// The four files of a data set in MNIST's layout, in the order of [`Pins::files`].
pub const FILE_NAMES: [&str; 4] = [
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
];

/// One file as it must be: its decompressed content, because several gzip wrappings of the same
/// content exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pin {
    /// Size in bytes, decompressed.
    pub bytes: u64,
    /// SHA-256 of the decompressed content, in lower-case hexadecimal.
    pub sha256: &'static str,
}

/// A data set that is known exactly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pins {
    /// Its name, which is also the name of its cache directory.
    pub name: &'static str,
    /// The names of its classes, in the order of the labels.
    pub classes: &'static [&'static str],
    /// Its files, in the order of [`FILE_NAMES`].
    pub files: [Pin; 4],
}

/// The classes of Fashion-MNIST, in the order of the labels.
pub const FASHION_MNIST_CLASSES: [&str; 10] = [
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
];

/// Fashion-MNIST: 60,000 training and 10,000 test images of 28x28 pixels.
pub const FASHION_MNIST: Pins = Pins {
    name: "fashion-mnist",
    classes: &FASHION_MNIST_CLASSES,
    files: [
        Pin {
            bytes: 47_040_016,
            sha256: "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
        },
        Pin {
            bytes: 60_008,
            sha256: "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
        },
        Pin {
            bytes: 7_840_016,
            sha256: "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
        },
        Pin {
            bytes: 10_008,
            sha256: "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
        },
    ],
};

/// The sample of Fashion-MNIST in this repository's `data/sample`: 2,000 training and 1,000 test
/// images, the same number of each class.
pub const SAMPLE: Pins = Pins {
    name: "fashion-mnist-sample",
    classes: &FASHION_MNIST_CLASSES,
    files: [
        Pin {
            bytes: 1_568_016,
            sha256: "4f412a50b5ecb01d3615ef75f731e60ac10e58dd6a90b9b11d81830a4d7fccb2",
        },
        Pin {
            bytes: 2_008,
            sha256: "e6c442d55fd364b91f917e028915c3e857d8360a037073ea690102673bd7c97d",
        },
        Pin {
            bytes: 784_016,
            sha256: "cc5b803fdb442c03cada86250f7eb46ee472072ab8e0cd86c9a75493be732fbe",
        },
        Pin {
            bytes: 1_008,
            sha256: "3560dbaa88d010580adc2c18ac067cb1b4850817aacee051d89fe1c524454793",
        },
    ],
};

/// Plain MNIST, by the digests of its decompressed files; only to name it where it is found in
/// the place of Fashion-MNIST, since nothing but the content tells the two apart.
pub(crate) const MNIST_SHA256: [&str; 4] = [
    "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
];

/// Whether `sha256` is the digest of one of plain MNIST's files.
pub(crate) fn is_mnist(sha256: &str) -> bool {
    MNIST_SHA256.contains(&sha256)
}

/// What the content with this digest is, where it is known.
pub(crate) fn name_content(sha256: &str) -> Option<&'static str> {
    let known = [
        (&FASHION_MNIST, FILE_NAMES.map(|name| name)),
        (
            &SAMPLE,
            [
                "the sample's train-images-idx3-ubyte",
                "the sample's train-labels-idx1-ubyte",
                "the sample's t10k-images-idx3-ubyte",
                "the sample's t10k-labels-idx1-ubyte",
            ],
        ),
    ];
    known.into_iter().find_map(|(pins, names)| {
        pins.files.iter().zip(names).find(|(pin, _)| pin.sha256 == sha256).map(|(_, name)| name)
    })
}
