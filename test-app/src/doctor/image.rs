//! Where the image of a service is: the registry has NT paths.

/// The Win32 path of an `ImagePath`, in a Windows that is in `root`, such as `C:\Windows`
/// (learn.microsoft.com/windows-hardware/drivers/install, HKLM\SYSTEM\CurrentControlSet\Services
/// Registry Tree).
#[must_use]
pub fn win32_path(image: &str, root: &str) -> String {
    let image = image.trim_matches('"');
    let lower = image.to_ascii_lowercase();
    if lower.starts_with(r"\systemroot\") {
        return format!(r"{root}{}", &image[r"\systemroot".len()..]);
    }
    if lower.starts_with(r"\??\") {
        return image[r"\??\".len()..].to_owned();
    }
    let is_absolute = lower.as_bytes().get(1) == Some(&b':') || image.starts_with('\\');
    if is_absolute { image.to_owned() } else { format!(r"{root}\{image}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_an_image_path_leads_to_the_file() {
        let store = r"System32\DriverStore\FileRepository\pagewise.inf_amd64_1\pagewise.sys";
        let file = format!(r"C:\Windows\{store}");
        for image in [
            format!(r"\SystemRoot\{store}"),
            format!(r"\??\C:\Windows\{store}"),
            store.to_owned(),
            file.clone(),
            format!("\"{file}\""),
        ] {
            assert_eq!(win32_path(&image, r"C:\Windows"), file, "{image}");
        }
        assert_eq!(win32_path("", r"C:\Windows"), r"C:\Windows\");
    }
}
