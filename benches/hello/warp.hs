{-# LANGUAGE OverloadedStrings #-}
-- On Warp: PROGRAM PORT FILE +RTS -N THREADS. Built by:
--   ghc -O2 -threaded -rtsopts "-with-rtsopts=-A4m -qg" -o warp-hello warp.hs
module Main (main) where

import qualified Data.ByteString as B
import Data.ByteString.Builder (byteString)
import Network.HTTP.Types (status200)
import Network.Wai (responseBuilder)
import Network.Wai.Handler.Warp (defaultSettings, runSettings, setHost, setPort)
import System.Environment (getArgs)

main :: IO ()
main = do
    [port, file] <- getArgs
    text <- B.readFile file
    let fields = [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", lengthOf text)]
        answer = responseBuilder status200 fields (byteString text)
        settings = setHost "127.0.0.1" (setPort (read port) defaultSettings)
    runSettings settings $ \_ respond -> respond answer
  where
    lengthOf = B.pack . map (fromIntegral . fromEnum) . show . B.length
