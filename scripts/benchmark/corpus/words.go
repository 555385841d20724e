package corpus

import "strings"

var words = strings.Fields(`account admin alpha api app archive asset atlas auth beta billing blue board book
box brand bridge bright build cache call care cart cast chart chat city clean client cloud club code coin
connect core craft credit cyber data deal delta deploy desk dev digital direct docs dream drive east easy echo
edge energy engine event express fast field file first fit flash flex flow focus food force forge forum fresh
front fun fusion game gate global gold good grand green grid group grow guide harbor health help hero home host
house hub icon idea image info ink insight iron jet job join jump key kids kit lab lake land launch law lead
learn lens life light lime line link list live local logic login loop lucky magic mail main maker map market
master max media mega metro micro mind mint mobile modern money moon motion music nest net news next night north
nova office ocean one online open orbit order page paint panel paper park part pay peak pen pet phone photo
pilot pixel plan planet play plus point port post power press prime print pro pulse pure quest quick radio rain
rapid ready real red relay rent report rise river road rock root route royal safe sales sand scan school scout
sea search secure seed sense server service shop sign silver simple site sky smart snap social soft solar solid
sonic sound source space spark speed sport spot spring stack stage star start station status step stock storage
store storm stream street studio style sun super support surf swift sync system table tag talk task team tech
telecom test text theme ticket tide time tool top total touch tour town track trade trail train travel tree trend
trip true trust turbo union unit update urban user valley value vault vector venture video view villa vision
vital voice wave way wealth web well west wide wiki wild wind wing wire wise wolf wood word work world yard zen zone`)

var brands = strings.Fields(`paypal microsoft office365 outlook apple icloud google gmail amazon netflix dhl fedex
usps chase wellsfargo hsbc metamask binance coinbase docusign dropbox adobe linkedin facebook instagram whatsapp
telegram steam roblox onedrive sharepoint`)

var tldsCommon = strings.Fields(`com com com com com com com com net net org org io co de uk ru info biz us fr nl it
pl br cn in jp au ca eu ch se es`)
var tldsBad = strings.Fields(`com com com com com net org ru top xyz info cn club online site shop live icu buzz cc
tk ml ga cf gq pw su biz vip work fun space website icu rest click link monster cyou sbs`)

// shared are suffixes under which strangers register names.
var shared = strings.Fields(`duckdns.org github.io blogspot.com herokuapp.com web.app firebaseapp.com pages.dev
workers.dev netlify.app vercel.app weebly.com wixsite.com ddns.net no-ip.org hopto.org ngrok.io azurewebsites.net
s3.amazonaws.com cloudfront.net trycloudflare.com`)

// sharedHosts serve what strangers put there.
var sharedHosts = strings.Fields(`raw.githubusercontent.com drive.google.com docs.google.com bit.ly pastebin.com
cdn.discordapp.com storage.googleapis.com www.dropbox.com t.me telegra.ph`)

const (
	vowels = "aeiou"
	conson = "bcdfghjklmnprstvwxz"
	lower  = "abcdefghijklmnopqrstuvwxyz"
	alnum  = "abcdefghijklmnopqrstuvwxyz0123456789"
	hexd   = "0123456789abcdef"
)

var hostLabels = strings.Fields(`www mail login secure account update cdn api static img m app portal vpn webmail ns1
auth verify support download files admin panel gate c2 data stats`)
