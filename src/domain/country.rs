//! Which country a number belongs to, by how it begins. Lengths are not checked: national plans change, and only a
//! carrier knows what can be reached. Satellite, premium and other ranges without a country are not in the table.

use super::phone::Phone;

/// The beginnings of numbers without the `+`, and the countries that share each; the longest beginning counts. The first
/// country gives the name under which texts are counted.
#[rustfmt::skip]
const TABLE: &[(&str, &str)] = &[
    ("1", "US"), ("1204 1226 1236 1249 1250 1257 1263 1289 1306 1343 1354 1365 1367 1368 1382 1387 1403 1416 1418 1428 \
     1431 1437 1438 1450 1460 1468 1474 1506 1514 1519 1537 1548 1568 1579 1581 1584 1587 1604 1613 1639 1647 1672 \
     1683 1705 1709 1742 1753 1778 1780 1782 1807 1819 1825 1867 1873 1879 1902 1905 1942", "CA"),
    ("1242", "BS"), ("1246", "BB"), ("1264", "AI"), ("1268", "AG"), ("1284", "VG"), ("1340", "VI"), ("1345", "KY"),
    ("1441", "BM"), ("1473", "GD"), ("1649", "TC"), ("1658 1876", "JM"), ("1664", "MS"), ("1670", "MP"),
    ("1671", "GU"), ("1684", "AS"), ("1721", "SX"), ("1758", "LC"), ("1767", "DM"), ("1784", "VC"),
    ("1787 1939", "PR"), ("1809 1829 1849", "DO"), ("1868", "TT"), ("1869", "KN"),
    ("1900 1976", ""),
    ("20", "EG"), ("211", "SS"), ("212", "MA EH"), ("213", "DZ"), ("216", "TN"), ("218", "LY"), ("220", "GM"),
    ("221", "SN"), ("222", "MR"), ("223", "ML"), ("224", "GN"), ("225", "CI"), ("226", "BF"), ("227", "NE"),
    ("228", "TG"), ("229", "BJ"), ("230", "MU"), ("231", "LR"), ("232", "SL"), ("233", "GH"), ("234", "NG"),
    ("235", "TD"), ("236", "CF"), ("237", "CM"), ("238", "CV"), ("239", "ST"), ("240", "GQ"), ("241", "GA"),
    ("242", "CG"), ("243", "CD"), ("244", "AO"), ("245", "GW"), ("246", "IO"), ("247", "AC"), ("248", "SC"),
    ("249", "SD"), ("250", "RW"), ("251", "ET"), ("252", "SO"), ("253", "DJ"), ("254", "KE"), ("255", "TZ"),
    ("256", "UG"), ("257", "BI"), ("258", "MZ"), ("260", "ZM"), ("261", "MG"), ("262", "RE YT"), ("263", "ZW"),
    ("264", "NA"), ("265", "MW"), ("266", "LS"), ("267", "BW"), ("268", "SZ"), ("269", "KM"), ("27", "ZA"),
    ("290", "SH TA"), ("291", "ER"), ("297", "AW"), ("298", "FO"), ("299", "GL"),
    ("30", "GR"), ("31", "NL"), ("32", "BE"), ("33", "FR"), ("34", "ES"), ("350", "GI"), ("351", "PT"),
    ("352", "LU"), ("353", "IE"), ("354", "IS"), ("355", "AL"), ("356", "MT"), ("357", "CY"), ("358", "FI AX"),
    ("359", "BG"), ("36", "HU"), ("370", "LT"), ("371", "LV"), ("372", "EE"), ("373", "MD"), ("374", "AM"),
    ("375", "BY"), ("376", "AD"), ("377", "MC"), ("378", "SM"), ("379", "VA"), ("380", "UA"), ("381", "RS"),
    ("382", "ME"), ("383", "XK"), ("385", "HR"), ("386", "SI"), ("387", "BA"), ("389", "MK"), ("39", "IT VA"),
    ("40", "RO"), ("41", "CH"), ("420", "CZ"), ("421", "SK"), ("423", "LI"), ("43", "AT"), ("44", "GB GG IM JE"),
    ("45", "DK"), ("46", "SE"), ("47", "NO SJ"), ("48", "PL"), ("49", "DE"),
    ("500", "FK"), ("501", "BZ"), ("502", "GT"), ("503", "SV"), ("504", "HN"), ("505", "NI"), ("506", "CR"),
    ("507", "PA"), ("508", "PM"), ("509", "HT"), ("51", "PE"), ("52", "MX"), ("53", "CU"), ("54", "AR"),
    ("55", "BR"), ("56", "CL"), ("57", "CO"), ("58", "VE"), ("590", "GP BL MF"), ("591", "BO"), ("592", "GY"),
    ("593", "EC"), ("594", "GF"), ("595", "PY"), ("596", "MQ"), ("597", "SR"), ("598", "UY"), ("599", "CW BQ"),
    ("60", "MY"), ("61", "AU CX CC"), ("62", "ID"), ("63", "PH"), ("64", "NZ"), ("65", "SG"), ("66", "TH"),
    ("670", "TL"), ("672", "NF"), ("673", "BN"), ("674", "NR"), ("675", "PG"), ("676", "TO"), ("677", "SB"),
    ("678", "VU"), ("679", "FJ"), ("680", "PW"), ("681", "WF"), ("682", "CK"), ("683", "NU"), ("685", "WS"),
    ("686", "KI"), ("687", "NC"), ("688", "TV"), ("689", "PF"), ("690", "TK"), ("691", "FM"), ("692", "MH"),
    ("7", "RU"), ("76 77", "KZ"),
    ("81", "JP"), ("82", "KR"), ("84", "VN"), ("850", "KP"), ("852", "HK"), ("853", "MO"), ("855", "KH"),
    ("856", "LA"), ("86", "CN"), ("880", "BD"), ("886", "TW"),
    ("90", "TR"), ("91", "IN"), ("92", "PK"), ("93", "AF"), ("94", "LK"), ("95", "MM"), ("960", "MV"),
    ("961", "LB"), ("962", "JO"), ("963", "SY"), ("964", "IQ"), ("965", "KW"), ("966", "SA"), ("967", "YE"),
    ("968", "OM"), ("970", "PS"), ("971", "AE"), ("972", "IL"), ("973", "BH"), ("974", "QA"), ("975", "BT"),
    ("976", "MN"), ("977", "NP"), ("98", "IR"), ("992", "TJ"), ("993", "TM"), ("994", "AZ"), ("995", "GE"),
    ("996", "KG"), ("998", "UZ"),
];

/// The countries a number may belong to; none for a beginning that belongs to no country.
pub fn countries_of(phone: &Phone) -> impl Iterator<Item = &'static str> {
    let digits = phone.as_str().trim_start_matches('+');
    let beginnings = TABLE.iter().flat_map(|(beginnings, countries)| {
        beginnings.split_whitespace().map(move |beginning| (beginning, *countries))
    });
    let found = beginnings.filter(|(beginning, _)| digits.starts_with(beginning)).max_by_key(|(one, _)| one.len());
    found.map_or("", |(_, countries)| countries).split_whitespace()
}

/// The country that a number's texts are counted under; none for a beginning that belongs to no country.
#[must_use]
pub fn country_of(phone: &Phone) -> Option<&'static str> {
    countries_of(phone).next()
}

/// True for two letters that are a country's here.
#[must_use]
pub fn is_known(country: &str) -> bool {
    TABLE.iter().any(|(_, countries)| countries.split_whitespace().any(|known| known == country))
}

/// True when a list of countries (`IN`) and beginnings (`+91`) has the number. What belongs to no country is on no list.
#[must_use]
pub fn is_listed(phone: &Phone, list: &[String]) -> bool {
    if country_of(phone).is_none() {
        return false;
    }
    list.iter().any(|item| match item.strip_prefix('+') {
        Some(beginning) => phone.as_str()[1..].starts_with(beginning),
        None => countries_of(phone).any(|country| country == item),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn phone(text: &str) -> Phone {
        Phone::parse(text, None).unwrap()
    }

    #[test]
    fn the_longest_beginning_tells_the_country() {
        for (number, country) in [
            ("+15005550006", Some("US")),
            ("+14165550006", Some("CA")),
            ("+18765550006", Some("JM")),
            ("+919898989898", Some("IN")),
            ("+79161234567", Some("RU")),
            ("+77011234567", Some("KZ")),
            ("+4915112345678", Some("DE")),
            ("+881612345678", None),
            ("+8701234567890", None),
            ("+19005550006", None),
            ("+97912345678", None),
            ("+99912345678", None),
            ("+80012345678", None),
            ("+2101234567", None),
        ] {
            assert_eq!(country_of(&phone(number)), country, "{number}");
        }
    }

    #[test]
    fn a_list_names_countries_or_beginnings() {
        let listed = |number: &str, list: &[&str]| {
            is_listed(&phone(number), &list.iter().map(|item| (*item).to_owned()).collect::<Vec<_>>())
        };
        assert!(listed("+919898989898", &["IN"]) && listed("+919898989898", &["DE", "+91"]));
        assert!(listed("+441534123456", &["JE"]) && listed("+441534123456", &["GB"]));
        assert!(!listed("+14165550006", &["US"]) && listed("+14165550006", &["+1"]));
        assert!(!listed("+919898989898", &[]) && !listed("+919898989898", &["US"]));
        assert!(!listed("+19005550006", &["+1", "US"]), "premium ranges are on no list");
        assert!(!listed("+881612345678", &["+881"]), "nor are satellites");
    }

    #[test]
    fn any_length_passes() {
        assert_eq!(country_of(&phone("+91989898")), Some("IN"));
        assert_eq!(country_of(&phone("+919898989898989")), Some("IN"));
    }

    #[test]
    fn no_beginning_stands_twice() {
        let all: Vec<_> = TABLE.iter().flat_map(|(beginnings, _)| beginnings.split_whitespace()).collect();
        let distinct: std::collections::BTreeSet<_> = all.iter().collect();
        assert_eq!(all.len(), distinct.len());
        assert!(all.len() > 250);
    }
}
