//! A build may leave out a kind of front end or of operator, or int16: it refuses the models that need it, by the feature's name.

use earmark_core::Error;
use earmark_core::model::checksum::xxh32;
use earmark_core::model::format::{CHECKED_FROM, int16, word};
use earmark_core::model::{Aligned, Element, Model, check_sizes};

static FLOAT: &Aligned<[u8]> = &Aligned(*include_bytes!("../../models/commands-s.ear"));
static FIXED: &Aligned<[u8]> = &Aligned(*include_bytes!("../../models/commands-s-fixed.ear"));

#[test]
fn a_model_is_taken_if_its_front_end_is_there() {
    let kinds: [(&str, &[u8], bool); 2] = [
        ("float-frontend", &FLOAT.0, cfg!(feature = "float-frontend")),
        ("fixed-frontend", &FIXED.0, cfg!(feature = "fixed-frontend")),
    ];
    for (feature, artifact, is_there) in kinds {
        let expected = if is_there { Ok(()) } else { Err(Error::FeatureLeftOut { feature }) };
        assert_eq!(Model::new(artifact).map(|_| ()), expected);
        // While firmware is built, by `include_model!`.
        let sizes = check_sizes(artifact).map(|_| ());
        assert_eq!(sizes, expected);
        if let Err(error) = sizes {
            assert!(error.what().contains(feature) && error.to_string().contains(feature), "{error}");
        }
    }
}

#[test]
fn a_model_is_taken_if_its_operators_are_there() {
    static RECURRENT: &Aligned<[u8]> = &Aligned(*include_bytes!("plan/recurrent.ear"));
    if !cfg!(feature = "float-frontend") {
        return;
    }
    let feature = "recurrent";
    let expected = if cfg!(feature = "recurrent") { Ok(()) } else { Err(Error::FeatureLeftOut { feature }) };
    assert_eq!(Model::new(&RECURRENT.0).map(|_| ()), expected);
    let sizes = check_sizes(&RECURRENT.0).map(|_| ());
    assert_eq!(sizes, expected);
    if let Err(error) = sizes {
        assert!(error.what().contains(feature) && error.to_string().contains(feature), "{error}");
    }
}

#[test]
fn a_model_with_int16_is_taken_if_that_is_there() {
    let mut artifact = if cfg!(feature = "float-frontend") { FLOAT.0.to_vec() } else { FIXED.0.to_vec() };
    artifact[4 * word::INT16..][..4].copy_from_slice(&int16::ANY.to_le_bytes());
    let checksum = xxh32(&artifact, CHECKED_FROM);
    artifact[4 * word::CHECKSUM..][..4].copy_from_slice(&checksum.to_le_bytes());
    let refused = check_sizes(&artifact).err();
    assert_eq!(refused.is_none(), Element::HAS_INT16);
    if let Some(error) = refused {
        assert_eq!(error, Error::FeatureLeftOut { feature: "int16" });
        assert_eq!(error.to_string(), "the model takes earmark-core with its feature `int16`: turn it on");
    }
}
