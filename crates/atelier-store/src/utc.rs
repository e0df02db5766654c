use std::time::{SystemTime, UNIX_EPOCH};

/// The present moment, as [`format_utc`] writes it.
#[must_use]
pub fn utc_now() -> String {
    format_utc(SystemTime::now())
}

/// A moment in UTC as RFC 3339 writes it, to the second: `2026-03-09T14:05:00Z`. Such strings sort
/// by time. Moments before 1970 count as its beginning.
#[must_use]
pub fn format_utc(moment: SystemTime) -> String {
    let seconds = moment.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let (year, month, day) = civil_from_days(seconds / 86_400);
    let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// Year, month and day of the Gregorian calendar, `days` after 1970-01-01.
///
/// Years are counted from March, so that the leap day is the last of its year; 400 of them have
/// 146,097 days. After Howard Hinnant, *chrono-compatible low-level date algorithms*.
fn civil_from_days(days: u64) -> (u64, u64, u64) {
    let from_march_0000 = days + 719_468;
    let (era, day_of_era) = (from_march_0000 / 146_097, from_march_0000 % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    (year, month, day)
}

/// The seconds since 1970 of a moment as [`format_utc`] writes it; `None` for any other text.
#[must_use]
pub fn utc_seconds(text: &str) -> Option<u64> {
    let number = |range: std::ops::Range<usize>| text.get(range)?.parse::<u64>().ok();
    let [year, month, day] = [number(0..4)?, number(5..7)?, number(8..10)?];
    let [hour, minute, second] = [number(11..13)?, number(14..16)?, number(17..19)?];
    if !(1970..=9999).contains(&year) {
        return None;
    }
    // From March on, as in `civil_from_days`.
    let from_march = if month > 2 { month - 3 } else { month + 9 };
    let year_from_march = year - u64::from(month <= 2);
    let (era, year_of_era) = (year_from_march / 400, year_from_march % 400);
    let day_of_year = (153 * from_march + 2) / 5 + day.checked_sub(1)?;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    let days = (era * 146_097 + day_of_era).checked_sub(719_468)?;
    let seconds = days * 86_400 + hour * 3600 + minute * 60 + second;
    // What does not come back was no such moment.
    let moment = UNIX_EPOCH.checked_add(std::time::Duration::from_secs(seconds))?;
    (format_utc(moment) == text).then_some(seconds)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn known_moments_are_written_as_rfc_3339() {
        // The right-hand sides are what `date -u -d @N +%FT%TZ` prints.
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (951_868_799, "2000-02-29T23:59:59Z"),
            (951_868_800, "2000-03-01T00:00:00Z"),
            (1_709_210_096, "2024-02-29T12:34:56Z"),
            (1_798_761_599, "2026-12-31T23:59:59Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
        ] {
            assert_eq!(format_utc(UNIX_EPOCH + Duration::from_secs(seconds)), text);
            assert_eq!(utc_seconds(text), Some(seconds));
        }
    }

    #[test]
    fn what_is_no_moment_has_no_seconds() {
        for text in
            ["", "2026-02-30T00:00:00Z", "2026-01-01 00:00:00Z", "1969-12-31T23:59:59Z", "ä"]
        {
            assert_eq!(utc_seconds(text), None, "{text}");
        }
        assert_eq!(utc_seconds("2026-00-01T00:00:00Z"), None);
    }

    #[test]
    fn every_day_of_five_centuries_follows_the_one_before() {
        let leap =
            |y: u64| y.is_multiple_of(4) && (!y.is_multiple_of(100) || y.is_multiple_of(400));
        let mut expected = (1970, 1, 1);
        for days in 0..500 * 366 {
            assert_eq!(civil_from_days(days), expected);
            let (year, month, day) = expected;
            let length = match month {
                2 => 28 + u64::from(leap(year)),
                4 | 6 | 9 | 11 => 30,
                _ => 31,
            };
            expected = match (month, day) {
                (12, 31) => (year + 1, 1, 1),
                (month, day) if day == length => (year, month + 1, 1),
                (month, day) => (year, month, day + 1),
            };
        }
    }
}
